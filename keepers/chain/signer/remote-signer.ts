// SPDX-License-Identifier: GPL-3.0-or-later
import { dataLength, getAddress, recoverAddress, Signature, Transaction, TypedDataEncoder } from 'ethers'
import { backoff, type Clock, systemClock } from '../clock.ts'
import { type OperatorSigner, SignerError, type WholeTransaction } from './signer.ts'
import { endpointName, isLoopback, type SignerEndpoint } from './signer-connection.ts'
import { openProtocol, type SignerApi, type SignerProtocol, type TypedData } from './signer-protocols.ts'

export type RemoteSignerOptions = SignerEndpoint & {
  readonly api: SignerApi
  /** The account whose signatures are wanted. */
  readonly address: string
  readonly clock?: Clock
  /** Called at the end of each request: with null when it was signed. */
  readonly onEnd?: (error: SignerError | null) => void
}

/** Number of attempts to reach a signer before the caller gets an error. */
const TRIES = 3
/** Bytes of a signature alone. */
const SIGNATURE = 65

/**
 * A key in another process, reached over the network and not trusted: of its answer this uses only the signature, after checking that it is
 * the account's signature over exactly the bytes sent.
 */
export class RemoteSigner implements OperatorSigner {
  readonly address: string
  readonly #options: RemoteSignerOptions & { readonly clock: Clock }
  readonly #protocol: SignerProtocol
  #trouble: SignerError | null = null

  /** @throws SignerError SIGNER_CONFIG for a token that would leave this machine in the clear. */
  constructor(options: RemoteSignerOptions) {
    this.address = getAddress(options.address)
    this.#options = { clock: systemClock, ...options }
    // A user and password in the URL are sent as a header, too.
    const { protocol, username, password } = new URL(options.url)
    const isSecret = options.tokenFile !== undefined || username !== '' || password !== ''
    if (isSecret && protocol === 'http:' && !isLoopback(options.url)) {
      throw new SignerError(
        'SIGNER_CONFIG',
        `the signer's token or password would cross the network in the clear: use https:// in place of ${endpointName(options.url)}`,
      )
    }
    this.#protocol = openProtocol(options.api, options)
  }

  /** The signer's URL in a form that logs may show. */
  get endpoint(): string {
    return endpointName(this.#options.url)
  }

  /** Why the last request was not signed; null when it was. */
  get trouble(): string | null {
    return this.#trouble?.message ?? null
  }

  /** The addresses that it says it signs for. @throws SignerError */
  accounts(): Promise<string[]> {
    return this.#protocol.accounts()
  }

  async signTransaction(transaction: WholeTransaction): Promise<string> {
    const asked = Transaction.from(transaction)
    return await this.#ask(async () => {
      const answer = await this.#protocol.transaction(this.address, transaction)
      asked.signature = this.#signatureIn(answer, asked)
      this.#requireOwn(asked.unsignedHash, asked.signature)
      return asked.serialized
    })
  }

  async signTypedData(
    domain: TypedData['domain'],
    types: TypedData['types'],
    value: TypedData['value'],
  ): Promise<string> {
    const digest = TypedDataEncoder.hash(domain, types, value)
    return await this.#ask(async () => {
      const answer = await this.#protocol.typedData(this.address, { domain, types, value })
      const signature = this.#parse(answer)
      this.#requireOwn(digest, signature)
      return signature.serialized
    })
  }

  async #ask(body: () => Promise<string>): Promise<string> {
    const { clock, onEnd } = this.#options
    for (let failures = 1; ; failures++) {
      try {
        const result = await body()
        this.#trouble = null
        onEnd?.(null)
        return result
      } catch (error) {
        if (!(error instanceof SignerError)) throw error
        this.#trouble = error
        onEnd?.(error)
        if (error.code !== 'SIGNER_UNREACHABLE' || failures >= TRIES) throw error
        await clock.sleep(backoff(failures, 250, 2_000))
      }
    }
  }

  /** The signature in an answer, which is either the signature alone or a signed transaction equal to the requested one. */
  #signatureIn(answer: string, asked: Transaction): Signature {
    if (dataLength(answer) === SIGNATURE) return this.#parse(answer)
    let got: Transaction
    try {
      got = Transaction.from(answer)
    } catch (cause) {
      throw this.#altered('something that is not a transaction', cause)
    }
    const changes = changed(asked, got)
    if (changes.length > 0) throw this.#altered(`another transaction: ${changes.join(', ')}`)
    if (got.signature === null) throw this.#altered('a transaction without a signature')
    return got.signature
  }

  #parse(answer: string): Signature {
    try {
      if (dataLength(answer) !== SIGNATURE) throw new TypeError(`${dataLength(answer)} bytes`)
      // ethers refuses the mirror image (EIP-2), as chains do.
      return Signature.from(answer)
    } catch (cause) {
      throw this.#altered('something that is not a signature', cause)
    }
  }

  #requireOwn(digest: string, signature: Signature): void {
    let found: string
    try {
      found = recoverAddress(digest, signature)
    } catch (cause) {
      throw this.#altered('a signature of nobody', cause)
    }
    if (found !== this.address)
      throw this.#altered(`a signature of ${found}, or of other bytes, not of ${this.address}`)
  }

  #altered(what: string, cause?: unknown): SignerError {
    const message = `the signer at ${this.endpoint} gave ${what}: refused. Look at what runs there before it is used again`
    return new SignerError('SIGNER_ALTERED', message, { cause })
  }
}

/** Names of the fields that differ, with the value found and the value requested. */
function changed(asked: Transaction, got: Transaction): string[] {
  const fields = [
    ...(['type', 'chainId', 'to', 'value', 'nonce', 'data'] as const),
    ...(['gasLimit', 'maxFeePerGas', 'maxPriorityFeePerGas'] as const),
  ]
  const differing = fields
    .filter((field) => got[field] !== asked[field])
    .map((field) => `${field} is ${short(got[field])}, asked for ${short(asked[field])}`)
  if (differing.length === 0 && got.unsignedSerialized !== asked.unsignedSerialized)
    differing.push('access list or blobs')
  return differing
}

function short(value: unknown): string {
  const text = String(value)
  return text.length > 66 ? `${text.slice(0, 66)}…` : text
}
