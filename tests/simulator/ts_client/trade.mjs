// The official client, unmodified, trades on a local venue: node trade.mjs URL CHAIN_ID
// Prints one JSON object, a part for each thing done; what is right is said by the test.
import { webcrypto } from "node:crypto";

// Node 18 has it, but not under the name that the client looks for.
globalThis.crypto ??= webcrypto;
const { AssetType, ClobClient, OrderType, Side } = await import("@polymarket/clob-client-v2");
const { Wallet } = await import("@ethersproject/wallet");
const { createWalletClient, http } = await import("viem");
const { privateKeyToAccount } = await import("viem/accounts");

// The first two development keys that every local chain knows; nothing of value is behind them.
const ANN_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const BEN_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

const [host, chainId] = [process.argv[2], Number(process.argv[3])];

async function logIn(signer, nonce) {
  const made = await new ClobClient({ host, chain: chainId, signer }).createOrDeriveApiKey(nonce);
  return new ClobClient({ host, chain: chainId, signer, creds: made, throwOnError: true });
}

async function said(promise) {
  try {
    return { answer: await promise };
  } catch (error) {
    return { error: error.message, status: error.status };
  }
}

// One wallet of each library that the client takes.
const ann = await logIn(new Wallet(ANN_KEY));
const account = privateKeyToAccount(BEN_KEY);
const ben = await logIn(createWalletClient({ account, transport: http(host) }));

const { markets } = await (await fetch(`${host}/markets/keyset`)).json();
const [yes, no] = JSON.parse(markets[0].clobTokenIds);
const conditionId = markets[0].conditionId;

const order = (price, size, tokenID = yes) => ({ tokenID, price, size, side: Side.BUY });
const rest = (client, ...what) => client.createAndPostOrder(order(...what));
const spend = (amount, price, orderType) =>
  ann.createAndPostMarketOrder(
    { tokenID: yes, amount, price, side: Side.BUY, orderType }, undefined, orderType,
  );

async function keys() {
  const other = await logIn(new Wallet(ANN_KEY), 7);
  return {
    first: ann.creds.key,
    derived: (await ann.deriveApiKey()).key,
    of_nonce_7: other.creds.key,
    of_ben: ben.creds.key,
    listed: (await ann.getApiKeys()).apiKeys,
    created_again: await said(ann.createApiKey()),
    deleted: await other.deleteApiKey(),
    used_after: await said(other.getOpenOrders()),
  };
}

async function reads() {
  const book = await ann.getOrderBook(yes);
  const told = book.hash;
  return {
    ok: await ann.getOk(),
    version: await ann.getVersion(),
    server_time: await ann.getServerTime(),
    tick: await ann.getTickSize(yes),
    neg_risk: await ann.getNegRisk(yes),
    fee_rate_bps: await ann.getFeeRateBps(yes),
    fee_exponent: await ann.getFeeExponent(no),
    market_of_no: (await ann.getClobMarketInfo(conditionId)).t[1].t,
    levels: [book.bids.length, book.asks.length],
    hashes: [told, await ann.getOrderBookHash(book)],
    books: (await ann.getOrderBooks([yes, no].map((token_id) => ({ token_id })))).map(
      (one) => one.asset_id,
    ),
    tokens: [yes, no],
    closed_only: await ann.getClosedOnlyMode(),
    balance: await ann.getBalanceAllowance({ asset_type: AssetType.COLLATERAL }),
  };
}

async function resting() {
  const posted = await rest(ann, 0.01, 100);
  const [open] = await ann.getOpenOrders();
  return {
    posted,
    open,
    one: await ann.getOrder(posted.orderID),
    of_ben: await ben.getOpenOrders(),
    ben_cancels: await ben.cancelOrders([posted.orderID]),
    canceled: await ann.cancelOrder({ orderID: posted.orderID }),
    left: await ann.getOpenOrders(),
  };
}

async function batch() {
  const signed = [];
  for (const leg of [order(0.01, 100, yes), order(0.02, 50, no), order(0.01, 1, no)]) {
    signed.push({ order: await ann.createOrder(leg), orderType: OrderType.GTC });
  }
  const posted = await ann.postOrders(signed);
  return {
    posted,
    open: (await ann.getOpenOrders()).map((one) => one.id),
    again: await said(ann.postOrder(signed[0].order)),
    of_market: await ann.cancelMarketOrders({ market: conditionId, asset_id: no }),
    all: await ann.cancelAll(),
  };
}

async function immediate() {
  const before = await ann.getTrades();
  const filled = await spend(10, 0.99, OrderType.FOK);
  const [trade] = await ann.getTrades({ id: filled.tradeIDs[0] });
  const asks = (await ann.getOrderBook(yes)).asks.map((one) => Number(one.price));
  const partly = await spend(5_000, Math.min(...asks) + 0.02, OrderType.FAK);
  return {
    filled,
    trade,
    partly,
    open: await ann.getOpenOrders(),
    trades_made: (await ann.getTrades()).length - before.length,
    trades_of_ben: await ben.getTrades(),
    killed: await said(spend(10, 0.01, OrderType.FOK)),
    nothing: await said(spend(10, 0.01, OrderType.FAK)),
    shares: await ann.getBalanceAllowance({ asset_type: AssetType.CONDITIONAL, token_id: yes }),
    post_only: await said(
      ann.postOrder(await ann.createOrder(order(0.99, 100)), OrderType.GTC, true),
    ),
    too_much: await said(rest(ann, 0.9, 100_000)),
  };
}

async function heartbeats() {
  const first = await ben.postHeartbeat();
  const second = await ben.postHeartbeat(first.heartbeat_id);
  const wrong = await said(ben.postHeartbeat(first.heartbeat_id));
  return { first: first.heartbeat_id, second: second.heartbeat_id, wrong };
}

const seen = {};
for (const part of [keys, reads, resting, batch, immediate, heartbeats]) {
  seen[part.name] = await part();
}
console.log(JSON.stringify(seen));
