// SPDX-License-Identifier: GPL-3.0-or-later
import type { TransactionLike, TypedDataDomain, TypedDataField } from 'ethers'

/** A transaction of type 2 (EIP-1559) with all that is signed. */
export type WholeTransaction = Required<
  Pick<
    TransactionLike<string>,
    'chainId' | 'to' | 'data' | 'value' | 'gasLimit' | 'nonce' | 'maxFeePerGas' | 'maxPriorityFeePerGas'
  >
> & { readonly type: 2 }

/**
 * Signs as one account, and nothing else. An ethers `Wallet` is one: the key is then in this process. A {@link RemoteSigner} asks another
 * process, which has the key.
 */
export type OperatorSigner = {
  readonly address: string
  /** The signed transaction, serialised. @throws SignerError */
  signTransaction(transaction: WholeTransaction): Promise<string>
  /** r ‖ s ‖ v of EIP-712 data, 65 bytes. @throws SignerError */
  signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string>
}

export type SignerErrorCode =
  /** No answer, or none in time. The signer may come back. */
  | 'SIGNER_UNREACHABLE'
  /** It refused to sign this, or to sign for us. */
  | 'SIGNER_REFUSED'
  /** It signed something else, or with another key. The signature was not used. */
  | 'SIGNER_ALTERED'
  /** Its configuration cannot be used. */
  | 'SIGNER_CONFIG'

/** sysexits.h: 69 unreachable, 77 not permitted, 78 wrong configuration. */
export const SIGNER_EXIT_CODES: Record<SignerErrorCode, number> = {
  SIGNER_UNREACHABLE: 69,
  SIGNER_REFUSED: 77,
  SIGNER_ALTERED: 77,
  SIGNER_CONFIG: 78,
}

/** A remote signer gave no signature that can be used. Its message holds no token. */
export class SignerError extends Error {
  override readonly name = 'SignerError'
  readonly code: SignerErrorCode
  readonly exitCode: number

  constructor(code: SignerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = SIGNER_EXIT_CODES[code]
  }
}
