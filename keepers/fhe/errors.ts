// SPDX-License-Identifier: GPL-3.0-or-later
// One error class for the library, told apart by its code, so that callers can switch on it and logs can count it.

/** Every reason this library refuses something. Stable: callers and tests match on these. */
export type FheErrorCode =
  // planning
  | 'invalid-parameters'
  | 'plan-impossible'
  // arguments of a call
  | 'invalid-argument'
  | 'secret-disposed'
  | 'engine-closed'
  | 'not-built'
  // bytes that came from outside
  | 'truncated'
  | 'trailing-bytes'
  | 'bad-magic'
  | 'unsupported-version'
  | 'wrong-message-type'
  | 'malformed-message'
  | 'coefficient-out-of-range'
  | 'wrong-parms-id'
  | 'malformed-seal-object'
  // bindings
  | 'wrong-plan'
  | 'wrong-chain'
  | 'wrong-service'
  | 'wrong-epoch'
  | 'wrong-round'
  | 'wrong-sender'
  | 'wrong-receiver'
  | 'wrong-roster'
  | 'wrong-key'
  | 'wrong-contributors'
  | 'wrong-active-set'
  // key generation
  | 'sealed-share-mismatch'
  | 'sealed-share-unreadable'
  | 'ephemeral-key-invalid'
  | 'dealing-inconsistent'
  | 'key-test-failed'
  // rounds
  | 'duplicate-sender'
  | 'no-updates'
  | 'too-few-contributors'
  | 'own-update-missing'
  | 'not-in-active-set'
  | 'too-few-shares'
  | 'already-encrypted'
  | 'pads-used-up'
  | 'proof-malformed'
  | 'update-too-long'
  | 'too-few-scalars'
  | 'share-already-given'
  | 'integrity-failed'

/** Numbers, short strings and public hashes only: never secret material. */
export type FheErrorDetail = Readonly<Record<string, string | number | boolean | readonly number[]>>

/** Refusal with a machine-readable `code`, a sentence that says what to do, and public facts in `detail`. */
export class FheError extends Error {
  readonly code: FheErrorCode
  readonly detail: FheErrorDetail

  constructor(code: FheErrorCode, message: string, detail: FheErrorDetail = {}, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.name = 'FheError'
    this.code = code
    this.detail = detail
  }

  toObject(): FheErrorObject {
    const { code, detail, message, stack } = this
    return { name: 'FheError', code, detail, message: message.slice(code.length + 2), stack }
  }

  /** The error that `toObject` was called on, with the stack of the thread that threw it. */
  static fromObject({ code, detail, message, stack }: FheErrorObject): FheError {
    const error = new FheError(code, message, detail)
    if (stack !== undefined) error.stack = stack
    return error
  }
}

/** A FheError between threads: cloning keeps neither class nor code nor detail. */
export type FheErrorObject = {
  readonly name: 'FheError'
  readonly code: FheErrorCode
  readonly detail: FheErrorDetail
  readonly message: string
  readonly stack: string | undefined
}

/** Runs `body`; a refusal that does not name a member gets `detail.sender`, so that the caller knows whom to leave out. */
export function blaming<T>(sender: number, body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw blamed(sender, error)
  }
}

/** The same for a body that takes time. */
export async function blamingAsync<T>(sender: number, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw blamed(sender, error)
  }
}

function blamed(sender: number, error: unknown): unknown {
  if (!(error instanceof FheError) || error.detail.sender !== undefined) return error
  const sentence = error.message.slice(error.code.length + 2)
  return new FheError(error.code, sentence, { ...error.detail, sender }, { cause: error })
}
