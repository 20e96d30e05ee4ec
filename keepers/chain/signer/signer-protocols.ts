// SPDX-License-Identifier: GPL-3.0-or-later
// How the signers that people run are asked. Whatever they answer is checked by who asks (remote-signer.ts).
import {
  computeAddress,
  concat,
  getAddress,
  isAddress,
  Transaction,
  type TypedDataDomain,
  TypedDataEncoder,
  type TypedDataField,
  toQuantity,
} from 'ethers'
import { z } from 'zod'
import type { WholeTransaction } from './signer.ts'
import { SignerError } from './signer.ts'
import { askSigner, endpointName, quoted, type SignerEndpoint } from './signer-connection.ts'

export const SIGNER_APIS = ['clef', 'web3signer', 'json-rpc'] as const
/**
 * `clef`: geth's Clef, `account_*`. `web3signer`: the REST interface of Web3Signer in its eth1 mode. `json-rpc`: `eth_signTransaction` and
 * `eth_signTypedData_v4`, as many other signers have them.
 */
export type SignerApi = (typeof SIGNER_APIS)[number]

export type TypedData = {
  readonly domain: TypedDataDomain
  readonly types: Record<string, TypedDataField[]>
  readonly value: Record<string, unknown>
}

/** One way to ask. Answers are as the signer gave them. */
export type SignerProtocol = {
  /** Addresses that it signs for. */
  accounts(): Promise<string[]>
  /** A signed transaction, or the signature alone (65 bytes). */
  transaction(from: string, transaction: WholeTransaction): Promise<string>
  /** 65 bytes. */
  typedData(from: string, data: TypedData): Promise<string>
}

export function openProtocol(api: SignerApi, endpoint: SignerEndpoint): SignerProtocol {
  if (api === 'web3signer') return web3signer(endpoint)
  const names =
    api === 'clef'
      ? { accounts: 'account_list', transaction: 'account_signTransaction', typedData: 'account_signTypedData' }
      : { accounts: 'eth_accounts', transaction: 'eth_signTransaction', typedData: 'eth_signTypedData_v4' }
  return jsonRpc(endpoint, names)
}

const text = z.string().regex(/^0x[0-9a-fA-F]*$/)
/** Clef and geth give the signed transaction decoded, too. */
const signed = z.union([text, z.object({ raw: text }).transform(({ raw }) => raw)])
const answered = z.union([
  z.object({ error: z.object({ code: z.number().optional(), message: z.string() }) }),
  z.object({ result: z.unknown() }),
])

function parsed<T>(schema: z.ZodType<T>, value: unknown, endpoint: SignerEndpoint, what: string): T {
  const { success, data } = schema.safeParse(value)
  if (success) return data
  throw new SignerError(
    'SIGNER_ALTERED',
    `the signer at ${endpointName(endpoint.url)} gave something that is not ${what}`,
  )
}

function jsonRpc(
  endpoint: SignerEndpoint,
  names: Readonly<Record<'accounts' | 'transaction' | 'typedData', string>>,
): SignerProtocol {
  const call = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const answer = parsed(
      answered,
      await askSigner(endpoint, '', { jsonrpc: '2.0', id: 1, method, params }),
      endpoint,
      'an answer of JSON-RPC: is its kind right?',
    )
    if (!('error' in answer)) return answer.result
    const { message, code } = answer.error
    const hint = code === -32601 ? ': is its kind right?' : ''
    throw new SignerError(
      'SIGNER_REFUSED',
      `the signer at ${endpointName(endpoint.url)} refuses ${method}: ${quoted(message)}${hint}`,
    )
  }
  return {
    accounts: async () =>
      parsed(
        z.array(z.string().refine((one) => isAddress(one))),
        await call(names.accounts, []),
        endpoint,
        'a list of addresses',
      ).map((one) => getAddress(one)),
    transaction: async (from, transaction) =>
      parsed(signed, await call(names.transaction, [callOf(from, transaction)]), endpoint, 'a signed transaction'),
    typedData: async (from, { domain, types, value }) => {
      const payload = TypedDataEncoder.getPayload(domain, types, value)
      return parsed(text, await call(names.typedData, [from, payload]), endpoint, 'a signature')
    },
  }
}

/** A transaction as JSON-RPC has it. */
function callOf(from: string, transaction: WholeTransaction): Record<string, string> {
  const { chainId, to, data, value, gasLimit, nonce, maxFeePerGas, maxPriorityFeePerGas } = transaction
  const quantities = { chainId, value, gas: gasLimit, nonce, maxFeePerGas, maxPriorityFeePerGas }
  return {
    from,
    to: to ?? '',
    data: data ?? '0x',
    ...Object.fromEntries(Object.entries(quantities).map(([key, number]) => [key, toQuantity(number ?? 0)])),
  }
}

const SIGN = '/api/v1/eth1/sign/'
const KEYS = '/api/v1/eth1/publicKeys'
const publicKey = z.string().regex(/^0x[0-9a-fA-F]{128}$/)

/** Web3Signer signs the Keccak hash of the bytes that it is given, and names keys by x ‖ y. */
function web3signer(endpoint: SignerEndpoint): SignerProtocol {
  const keys = async (): Promise<{ readonly address: string; readonly key: string }[]> => {
    const list = parsed(z.array(publicKey), await askSigner(endpoint, KEYS), endpoint, 'a list of public keys')
    return list.map((key) => ({ key, address: computeAddress(`0x04${key.slice(2)}`) }))
  }
  const identifiers = new Map<string, string>()
  const sign = async (from: string, data: string): Promise<string> => {
    if (!identifiers.has(from)) for (const { address, key } of await keys()) identifiers.set(address, key)
    const key = identifiers.get(from)
    if (key === undefined) {
      throw new SignerError(
        'SIGNER_REFUSED',
        `the signer at ${endpointName(endpoint.url)} has no key of ${from}: load it there, or correct the address`,
      )
    }
    return parsed(text, await askSigner(endpoint, `${SIGN}${key}`, { data }), endpoint, 'a signature')
  }
  return {
    accounts: async () => (await keys()).map(({ address }) => address),
    transaction: (from, transaction) => sign(from, Transaction.from(transaction).unsignedSerialized),
    typedData: (from, { domain, types, value }) => {
      const struct = TypedDataEncoder.from(types).hash(value)
      return sign(from, concat(['0x1901', TypedDataEncoder.hashDomain(domain), struct]))
    },
  }
}
