// What every script of this folder starts from: the chain, the Safe and the service that the Rust test
// (tests/it/kits.rs) stands up, as one JSON text in the environment. Results leave as one JSON text on stdout.

import SafeApiKitModule from '@safe-global/api-kit';
import SafeModule from '@safe-global/protocol-kit';

// Node gives the default export of one build and the module of another.
const SafeApiKit = SafeApiKitModule.default ?? SafeApiKitModule;
const Safe = SafeModule.default ?? SafeModule;

export const world = JSON.parse(process.env.REDHANDLE_KITS_WORLD);

/** The service's client, with a key if there is one. */
export const api = new SafeApiKit({
  chainId: BigInt(world.chainId),
  txServiceUrl: world.service,
  ...(world.apiKey ? { apiKey: world.apiKey } : {}),
});

/** protocol-kit for one of the owners; the chain is none it knows, so it is told where the contracts are. */
export const owner = (number, safeAddress = world.safe) =>
  Safe.init({
    provider: world.rpc,
    signer: world.owners[number].key,
    safeAddress,
    contractNetworks: { [world.chainId]: world.contracts },
  });

/** A call of the vault, as protocol-kit wants it. */
export const call = (data, value = '0') => ({ to: world.vault, value, data, operation: 0 });
export const PAUSE = '0x8456cb59';

/** The words of a refusal; fails when there is none. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.message;
  }
  throw new Error('this had to be refused');
}

/** Prints what the Rust test compares. */
export const report = (value) =>
  process.stdout.write(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part)));
