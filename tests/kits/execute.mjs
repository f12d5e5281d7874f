// A protocol's whole way with protocol-kit: create, sign, propose, confirm, execute; then a batch, a rejection, and what
// is refused because the chain has moved on.

import assert from 'node:assert/strict';
import { createPublicClient, http } from 'viem';

import { PAUSE, api, call, owner, refusal, report, world } from './world.mjs';

const [ana] = world.owners;
const [anas, bens] = [await owner(0), await owner(1)];
const chain = createPublicClient({ transport: http(world.rpc) });
const paused = async () => BigInt((await chain.call({ to: world.vault, data: '0x5c975abb' })).data) === 1n;

const transactions = [];

async function propose(safeTransaction) {
  const safeTxHash = await anas.getTransactionHash(safeTransaction);
  const signed = await anas.signTransaction(safeTransaction); // EIP-712
  await api.proposeTransaction({
    safeAddress: world.safe,
    safeTransactionData: safeTransaction.data,
    safeTxHash,
    senderAddress: ana.address,
    senderSignature: signed.getSignature(ana.address.toLowerCase()).data,
  });
  transactions.push({ data: safeTransaction.data, safeTxHash });
  return safeTxHash;
}

async function confirmAndExecute(safeTxHash) {
  const signature = await bens.signHash(safeTxHash);
  await api.confirmTransaction(safeTxHash, signature.data);
  const whole = await api.getTransaction(safeTxHash); // with both owners' signatures
  const execution = await bens.executeTransaction(whole);
  const receipt = await chain.waitForTransactionReceipt({ hash: execution.hash });
  assert.equal(receipt.status, 'success');
  const seen = await api.getTransaction(safeTxHash);
  assert.deepEqual([seen.isExecuted, seen.isSuccessful, seen.transactionHash], [true, true, execution.hash]);
  assert.ok(Date.parse(seen.executionDate) > 0);
}

// --- one call ---

assert.equal(await paused(), false);
const pause = await anas.createTransaction({ transactions: [call(PAUSE)] });
const pauseHash = await propose(pause);
await confirmAndExecute(pauseHash);
assert.equal(await paused(), true);
assert.equal((await api.getSafeInfo(world.safe)).nonce, '1');

// --- a batch: protocol-kit delegatecalls MultiSendCallOnly ---

const approve = { ...call('0x095ea7b3'.padEnd(138, '0')), to: world.token };
const batch = await anas.createTransaction({ transactions: [approve, approve], onlyCalls: true });
assert.equal(batch.data.operation, 1);
const batchHash = await propose(batch);
const shown = await api.getTransaction(batchHash);
assert.equal(shown.dataDecoded.method, 'multiSend');
assert.equal(shown.dataDecoded.parameters[0].valueDecoded.length, 2);

// --- and the rejection that takes its place ---

const rejection = await anas.createRejectionTransaction(batch.data.nonce);
const rejectionHash = await propose(rejection);
const rivals = await api.getPendingTransactions(world.safe);
assert.deepEqual([rivals.count, rivals.countUniqueNonce], [2, 2]);
await confirmAndExecute(rejectionHash);
assert.equal((await api.getTransaction(batchHash)).isExecuted, false);
assert.equal((await api.getPendingTransactions(world.safe)).count, 0);
assert.equal(await api.getNextNonce(world.safe), '2');
const history = await api.getAllTransactions(world.safe);
assert.deepEqual(history.results.map((one) => one.safeTxHash), [rejectionHash, pauseHash]);
assert.ok(history.results.every((one) => one.txType === 'MULTISIG_TRANSACTION'));

// --- where it is stricter ---

const at = (nonce) => anas.createTransaction({ transactions: [call(PAUSE)], options: { nonce } });
const used = await at(0);
used.data.value = '1'; // another transaction at a nonce that is used up
const delegated = await anas.createTransaction({
  transactions: [{ ...call(PAUSE), operation: 1 }],
});
const refusals = {
  used: await refusal(propose(used)),
  executed: await refusal(propose(pause)),
  ahead: await refusal(propose(await at(5_000_000))),
  delegatecall: await refusal(propose(delegated)),
};

report({ transactions, refusals });
