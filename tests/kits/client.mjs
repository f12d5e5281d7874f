// Everything a script of a protocol does with api-kit, short of executing: read, propose, confirm, list, delegate,
// sign messages, take back, decode.

import assert from 'node:assert/strict';
import { createPublicClient, createWalletClient, hashMessage, hashTypedData, http, parseAbi } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { PAUSE, api, call, owner, refusal, report, world } from './world.mjs';

const [ana, ben] = world.owners;
const [anas, bens] = [await owner(0), await owner(1)];
const wallet = (key) => createWalletClient({ account: privateKeyToAccount(key), transport: http(world.rpc) });

// --- what it is ---

const about = await api.getServiceInfo();
assert.match(about.name, /Redhandle/);
const info = await api.getSafeInfo(world.safe);
assert.deepEqual([info.nonce, info.threshold, info.owners], ['0', 2, world.owners.map((one) => one.address)]);
assert.equal(info.version, '1.4.1+L2');
const singletons = await api.getServiceSingletonsInfo();
assert.ok(
  singletons.some((one) => one.address === info.singleton && one.l2),
  JSON.stringify(singletons),
);
assert.ok((await api.getSafesByOwner(ana.address)).safes.includes(world.safe));
assert.deepEqual((await api.getSafesByModule(ana.address)).safes, []);
assert.deepEqual((await api.getTokenList()).results, []);

// --- propose and confirm ---

assert.equal(await api.getNextNonce(world.safe), '0');
const safeTransaction = await anas.createTransaction({ transactions: [call(PAUSE)] });
const safeTxHash = await anas.getTransactionHash(safeTransaction);
const estimation = await api.estimateSafeTransaction(world.safe, call(PAUSE));
assert.equal(estimation.safeTxGas, '0');
const signature = await anas.signHash(safeTxHash); // eth_sign: v is 31 or 32
await api.proposeTransaction({
  safeAddress: world.safe,
  safeTransactionData: safeTransaction.data,
  safeTxHash,
  senderAddress: ana.address,
  senderSignature: signature.data,
  origin: 'a script of the protocol',
});
const proposed = await api.getTransaction(safeTxHash);
assert.deepEqual([proposed.nonce, proposed.trusted, proposed.isExecuted], ['0', true, false]);
assert.deepEqual(proposed.dataDecoded, { method: 'pause', parameters: [] });
assert.equal(await api.getNextNonce(world.safe), '1');

await api.confirmTransaction(safeTxHash, (await bens.signHash(safeTxHash)).data);
const confirmations = await api.getTransactionConfirmations(safeTxHash);
assert.deepEqual(confirmations.results.map((one) => one.owner).sort(), [ana.address, ben.address].sort());
const pending = await api.getPendingTransactions(world.safe);
assert.deepEqual([pending.count, pending.results[0].confirmations.length], [1, 2]);
assert.equal((await api.getMultisigTransactions(world.safe, { limit: 1, ordering: '-created' })).count, 1);
assert.equal((await api.getMultisigTransactions(world.safe, { nonce: '7' })).count, 0);
assert.equal((await api.getAllTransactions(world.safe)).count, 0);

// --- delegates ---

const bot = privateKeyToAccount(world.delegate.key);
await api.addSafeDelegate({
  safeAddress: world.safe,
  delegateAddress: bot.address,
  delegatorAddress: ana.address,
  signer: wallet(ana.key),
  label: 'a bot',
});
const delegates = await api.getSafeDelegates({ safeAddress: world.safe });
assert.deepEqual(delegates.results.map((one) => [one.delegate, one.label]), [[bot.address, 'a bot']]);
const second = await anas.createTransaction({ transactions: [call(PAUSE)], options: { nonce: 1 } });
const secondHash = await anas.getTransactionHash(second);
await api.proposeTransaction({
  safeAddress: world.safe,
  safeTransactionData: second.data,
  safeTxHash: secondHash,
  senderAddress: bot.address,
  senderSignature: await bot.sign({ hash: secondHash }),
});
const byBot = await api.getTransaction(secondHash);
assert.deepEqual(
  [byBot.proposer, byBot.proposedByDelegate, byBot.confirmations],
  [ana.address, bot.address, []],
);
const remove = { delegateAddress: bot.address, delegatorAddress: ana.address, signer: wallet(ana.key) };
await api.removeSafeDelegate(remove);
assert.equal((await api.getSafeDelegates({ safeAddress: world.safe })).count, 0);
await refusal(api.removeSafeDelegate(remove));

// api-kit has no call to take a proposal back; Safe{Wallet} sends this one.
const domain = { name: 'Safe Transaction Service', version: '1.0', chainId: world.chainId };
const deletion = await bot.signTypedData({
  domain: { ...domain, verifyingContract: world.safe },
  types: { DeleteRequest: [{ name: 'safeTxHash', type: 'bytes32' }, { name: 'totp', type: 'uint256' }] },
  primaryType: 'DeleteRequest',
  message: { safeTxHash: secondHash, totp: BigInt(Math.floor(Date.now() / 3_600_000)) },
});
const taken = await fetch(`${world.service}/v2/multisig-transactions/${secondHash}/`, {
  method: 'DELETE',
  headers: {
    'content-type': 'application/json',
    ...(world.apiKey ? { authorization: `Bearer ${world.apiKey}` } : {}),
  },
  body: JSON.stringify({ safeTxHash: secondHash, signature: deletion }),
});
assert.equal(taken.status, 204, await taken.text());
assert.match(await refusal(api.getTransaction(secondHash)), /No MultisigTransaction matches/);

// --- messages ---

const typed = {
  domain: { name: 'On call', version: '1', chainId: world.chainId },
  types: {
    EIP712Domain: [
      { name: 'name', type: 'string' },
      { name: 'version', type: 'string' },
      { name: 'chainId', type: 'uint256' },
    ],
    Answer: [{ name: 'incident', type: 'string' }, { name: 'minutes', type: 'uint256' }],
  },
  primaryType: 'Answer',
  message: { incident: 'INC-1', minutes: 5 },
};
// The chain's own word. (protocol-kit's isValidSignature cannot tell the handler's two forms apart.)
const chain = createPublicClient({ transport: http(world.rpc) });
const standsBehind = (digest, signature) =>
  chain.readContract({
    address: world.safe,
    abi: parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)']),
    functionName: 'isValidSignature',
    args: [digest, signature],
  });
const messages = [];
for (const [text, digest] of [['I am on it', hashMessage('I am on it')], [typed, hashTypedData(typed)]]) {
  const signed = await anas.signMessage(anas.createMessage(text));
  await api.addMessage(world.safe, { message: text, signature: signed.encodedSignatures() });
  const hash = await anas.getSafeMessageHash(digest);
  const other = await bens.signMessage(bens.createMessage(text));
  await api.addMessageSignature(hash, other.encodedSignatures());
  const stored = await api.getMessage(hash);
  assert.deepEqual(stored.message, text);
  assert.equal(stored.confirmations.length, 2);
  assert.equal(await standsBehind(digest, stored.preparedSignature), '0x1626ba7e');
  assert.match(await refusal(api.addMessageSignature(hash, other.encodedSignatures())), /already exists/);
  messages.push({ digest, hash });
}
assert.equal((await api.getMessages(world.safe)).count, 2);
assert.equal((await api.getMessages(world.safe, { limit: 1, ordering: 'created' })).results[0].message, 'I am on it');

// --- decoding, and what there is no index for ---

assert.equal((await api.decodeData(PAUSE, world.vault)).method, 'pause');
const unindexed = await refusal(api.getIncomingTransactions(world.safe));
const refusals = { token: await refusal(api.getToken(world.vault)), unindexed };

report({
  transactions: [
    { data: safeTransaction.data, safeTxHash },
    { data: second.data, safeTxHash: secondHash },
  ],
  messages,
  refusals,
});
