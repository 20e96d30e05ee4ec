// SPDX-License-Identifier: GPL-3.0-or-later
import {
  AbstractSigner,
  type Provider,
  type TransactionRequest,
  type TypedDataDomain,
  type TypedDataField,
} from 'ethers'
import { type OperatorSigner, SignerError } from './signer.ts'

/** An account of ethers' kind that signs by an {@link OperatorSigner}: for commands that call contracts. */
export class SignerAccount extends AbstractSigner<Provider> {
  readonly address: string
  readonly #signer: OperatorSigner

  constructor(signer: OperatorSigner, provider: Provider) {
    super(provider)
    this.#signer = signer
    this.address = signer.address
  }

  getAddress(): Promise<string> {
    return Promise.resolve(this.address)
  }

  connect(provider: Provider | null): SignerAccount {
    return new SignerAccount(this.#signer, provider ?? this.provider)
  }

  /** @param request With all its fields, as `populateTransaction` leaves it. @throws SignerError */
  async signTransaction(request: TransactionRequest): Promise<string> {
    const { type, to, data, value, chainId, gasLimit, nonce, maxFeePerGas, maxPriorityFeePerGas } = request
    if (type !== 2 || typeof to !== 'string') {
      throw new SignerError(
        'SIGNER_CONFIG',
        `a transaction of type ${type}, and a signer here signs type 2: the chain needs EIP-1559`,
      )
    }
    return await this.#signer.signTransaction({
      ...{ type, to, data: data ?? '0x', value: value ?? 0n, chainId: BigInt(chainId ?? 0) },
      ...{ gasLimit: gasLimit ?? 0n, nonce: Number(nonce) },
      maxFeePerGas: maxFeePerGas ?? 0n,
      maxPriorityFeePerGas: maxPriorityFeePerGas ?? 0n,
    })
  }

  signMessage(): Promise<string> {
    throw new SignerError('SIGNER_REFUSED', 'a message is not signed here: transactions and typed data are')
  }

  signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string> {
    return this.#signer.signTypedData(domain, types, value)
  }
}
