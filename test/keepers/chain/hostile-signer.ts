// SPDX-License-Identifier: GPL-3.0-or-later
// A signer of all three kinds that holds a key and does what a test tells it to: signs, alters, refuses, stalls.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { concat, keccak256, Transaction, type TransactionLike, TypedDataEncoder, type Wallet } from 'ethers'

export type Tampering = {
  /** Put into the transaction before it is signed. */
  readonly changes?: Partial<TransactionLike<string>>
  /** Given in place of an answer. */
  readonly status?: number
  readonly body?: string
  readonly error?: { readonly code: number; readonly message: string }
  readonly result?: unknown
  /** It takes the request and says nothing. */
  readonly stall?: boolean
  /** Milliseconds before an answer. */
  readonly delay?: number
  /** Signs with this one's key. */
  readonly as?: Wallet
  /** The signature's mirror image, which verifies as well (EIP-2). */
  readonly mirror?: boolean
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

function mirrored(signature: string): string {
  const s = (ORDER - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0')
  return `${signature.slice(0, 66)}${s}${signature.slice(130) === '1b' ? '1c' : '1b'}`
}

export class HostileSigner {
  readonly #server: Server
  readonly #wallet: Wallet
  tampering: Tampering = {}
  /** Paths and methods that were asked. */
  readonly asked: string[] = []
  headers: IncomingHttpHeaders = {}

  private constructor(wallet: Wallet) {
    this.#wallet = wallet
    this.#server = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      this.headers = request.headers
      const body = parts.length === 0 ? null : JSON.parse(Buffer.concat(parts).toString())
      this.asked.push(body?.method ?? request.url)
      const { stall, status, body: given, error, delay } = this.tampering
      if (stall) return
      if (delay !== undefined) await new Promise((done) => setTimeout(done, delay))
      if (status !== undefined) return response.writeHead(status).end(given ?? '')
      const answer = await this.#answer(request.url ?? '/', body)
      if (body?.method === undefined) return response.end(JSON.stringify(answer))
      const { id } = body
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(error === undefined ? { result: answer } : { error }) }))
    })
  }

  static async start(wallet: Wallet): Promise<HostileSigner> {
    const signer = new HostileSigner(wallet)
    await new Promise<void>((done) => signer.#server.listen(0, '127.0.0.1', done))
    return signer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(path: string, body: any): Promise<unknown> {
    const { result, as = this.#wallet, mirror = false } = this.tampering
    if (result !== undefined) return result
    const finish = (signature: string) => (mirror ? mirrored(signature) : signature)
    if (path.endsWith('/publicKeys')) return [`0x${this.#wallet.signingKey.publicKey.slice(4)}`]
    if (path.startsWith('/api/v1/eth1/sign/')) return finish(as.signingKey.sign(keccak256(body.data)).serialized)
    const [first, second] = body.params
    if (/accounts$|list$/.test(body.method)) return [this.#wallet.address]
    if (/TypedData/.test(body.method)) {
      const { EIP712Domain: _, ...types } = second.types
      const struct = TypedDataEncoder.from(types).hash(second.message)
      const digest = keccak256(concat(['0x1901', TypedDataEncoder.hashDomain(second.domain), struct]))
      return finish(as.signingKey.sign(digest).serialized)
    }
    const { from: _, gas, ...rest } = first
    const transaction = Transaction.from({
      type: 2,
      ...rest,
      gasLimit: gas,
      nonce: Number(rest.nonce),
      ...this.tampering.changes,
    })
    const signed = await as.signTransaction(transaction)
    return body.method.startsWith('account_') ? { raw: signed, tx: {} } : signed
  }
}
