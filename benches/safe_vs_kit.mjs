// The same job as safe_vs_kit.rs, done with Safe's own packages: connect, read the Safe, build, hash, sign, POST.
//
// What is to be done comes as one JSON text in BENCH_WORLD; what it took leaves as one JSON line on stdout. `jobs` 1 is
// the cold process; more are the warm one, of which the first is not counted.

import { createRequire } from 'node:module';

// the packages are those that the tests use
const require = createRequire(new URL('../tests/kits/package.json', import.meta.url));
const { default: SafeApiKit } = require('@safe-global/api-kit');
const { default: Safe } = require('@safe-global/protocol-kit');

const world = JSON.parse(process.env.BENCH_WORLD);
const api = new SafeApiKit({ chainId: BigInt(world.chain_id), txServiceUrl: new URL('api', world.service).href });
const connect = () =>
  Safe.init({
    provider: world.rpc,
    signer: world.key,
    safeAddress: world.safe,
    contractNetworks: { [world.chain_id]: world.contracts },
  });

async function job(kit) {
  // all that our side reads: version, owners, threshold, nonce, modules, guard, fallback handler
  await Promise.all([
    kit.getOwners(),
    kit.getThreshold(),
    kit.getNonce(),
    kit.getModules(),
    kit.getGuard(),
    kit.getFallbackHandler(),
  ]);
  const transaction = await kit.createTransaction({
    transactions: [{ to: world.target, value: '0', data: world.data, operation: 0 }],
  });
  const safeTxHash = await kit.getTransactionHash(transaction);
  const signature = await kit.signTypedData(transaction);
  await api.proposeTransaction({
    safeAddress: world.safe,
    safeTransactionData: transaction.data,
    safeTxHash,
    senderAddress: signature.signer,
    senderSignature: signature.data,
  });
  return safeTxHash;
}

const kit = await connect();
const took = [];
let hash;
for (let done = 0; done < world.jobs; done += 1) {
  const began = performance.now();
  hash = await job(kit);
  took.push((performance.now() - began) * 1000);
}
process.stdout.write(`${JSON.stringify({ safe_tx_hash: hash, took_us: took })}\n`);
// viem keeps its transport's timers
process.exit(0);
