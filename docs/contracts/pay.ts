/**
 * The payment flow of a traveller, from a win to the booking. It runs in a browser, and in Node 24 without a build.
 * Copy it: it needs nothing but the types beside it.
 */
import type { ApiError, Booking, CreateRequest, FromBrowser, GatewayRefusal } from "./stays";
import type { Order, ToBrowser, Verdict, Winner } from "./stays";

/** An answer that is not a success. `refusal` says why; `error.code` tells which details there are. */
export class Refused extends Error {
  readonly status: number;
  readonly refusal: ApiError | GatewayRefusal;

  constructor(status: number, refusal: ApiError | GatewayRefusal) {
    super("error" in refusal ? refusal.error.message : refusal.message);
    this.status = status;
    this.refusal = refusal;
  }
}

export interface Traveller {
  /** `http://localhost:8000/api/v1` */
  api: string;
  /** `ws://localhost:8080/payment-notifications` */
  socket: string;
  /** The access token. */
  token: string;
  /** The `sub` of the token. */
  userId: string;
}

/** Pay for a win, and return its booking. `open` leads the traveller to ZaloPay. */
export async function pay(who: Traveller, auctionId: string, open: (order: Order) => Promise<void>): Promise<Booking> {
  const win = (await call<Winner[]>(who, "GET", "/auctions/winners/me")).find((each) => each.auctionId === auctionId);
  if (win?.status !== "PENDING_PAYMENT") throw new Error("there is nothing to pay");
  const messages = await listen(who);
  try {
    const order = await create(who, win);
    await open(order);
    await paid(who, messages, order);
    return await call<Booking>(who, "GET", `/payment/${order.paymentId}/booking`);
  } finally {
    messages.close();
  }
}

/** Create the order. If the price is another one, the error says which: take that one. */
async function create(who: Traveller, win: Winner): Promise<Order> {
  const selectedNights = win.awardedNights.map((night) => night.date);
  const request: CreateRequest = { auctionId: win.auctionId, selectedNights, amount: win.bidAmount };
  try {
    return await call<Order>(who, "POST", "/payment/zalopay/create", request);
  } catch (reason) {
    if (!(reason instanceof Refused) || !("error" in reason.refusal)) throw reason;
    const { error } = reason.refusal;
    if (error.code !== "INVALID_AMOUNT") throw reason;
    return await call<Order>(who, "POST", "/payment/zalopay/create", { ...request, amount: error.details.expectedAmount });
  }
}

/**
 * Wait until the nights are booked. A payment may go from PROCESSING back to INITIATED; only FAILED is its end.
 * ZaloPay reports only what was paid. For all else Stays has to ask ZaloPay: each poll does, and the message follows.
 */
async function paid(who: Traveller, messages: Messages, order: Order): Promise<void> {
  const status = `/payment/zalopay/status/${order.appTransId}`;
  const polling = setInterval(() => void call<Verdict>(who, "GET", status).catch(() => undefined), 3000);
  try {
    await booked(messages, order);
  } finally {
    clearInterval(polling);
  }
}

async function booked(messages: Messages, order: Order): Promise<void> {
  for await (const message of messages) {
    switch (message.type) {
      case "BOOKING_CONFIRMED":
        if (message.paymentId === order.paymentId) return;
        break;
      case "PAYMENT_STATUS":
        if (message.paymentId === order.paymentId && message.status === "FAILED")
          throw new Error(`not paid: ${message.reason ?? "no reason"}; refund: ${message.refund?.status ?? "none"}`);
        break;
      case "ERROR":
        throw new Error(`${message.code}: ${message.message}`);
    }
  }
  throw new Error("the connection has ended: connect again");
}

type Messages = AsyncIterable<ToBrowser> & { close(): void };

/** Connect and subscribe. The messages wait until they are read, in their order. */
async function listen(who: Traveller): Promise<Messages> {
  const socket = new WebSocket(who.socket);
  const waiting: ToBrowser[] = [];
  let ended = false;
  let wake = (): void => undefined;
  socket.onmessage = (event: MessageEvent<string>) => {
    waiting.push(JSON.parse(event.data) as ToBrowser);
    wake();
  };
  socket.onclose = () => {
    ended = true;
    wake();
  };
  await new Promise<void>((connected, failed) => {
    socket.onopen = () => connected();
    socket.onerror = () => failed(new Error("no connection"));
  });
  const subscribe: FromBrowser = { type: "SUBSCRIBE", userId: who.userId, token: who.token };
  socket.send(JSON.stringify(subscribe));
  async function* read(): AsyncGenerator<ToBrowser> {
    for (;;) {
      const message = waiting.shift();
      if (message) yield message;
      else if (ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return { [Symbol.asyncIterator]: read, close: () => socket.close() };
}

async function call<Answer>(who: Traveller, method: "GET" | "POST", path: string, body?: CreateRequest): Promise<Answer> {
  const headers = { authorization: `Bearer ${who.token}`, "content-type": "application/json" };
  const answer = await fetch(who.api + path, { method, headers, body: body ? JSON.stringify(body) : null });
  if (!answer.ok) throw new Refused(answer.status, (await answer.json()) as ApiError | GatewayRefusal);
  return (await answer.json()) as Answer;
}
