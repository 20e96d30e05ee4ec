// SPDX-License-Identifier: GPL-3.0-or-later
// The key that a keeper acts with: finds it where `keys` of the config says, and opens it.
import { Wallet } from 'ethers'
import type { Logger } from 'pino'
import {
  type Clock,
  keystoreAddress,
  type OperatorSigner,
  openKeystore,
  RemoteSigner,
  type RemoteSignerOptions,
  SignerError,
} from '../chain/index.ts'
import { AgentError } from './errors.ts'
import type { KeysConfig } from './keys-config.ts'
import { type KeeperMetrics, SIGNER_OUTCOMES } from './metrics.ts'

/** The operator's address; needs no passphrase. @throws KeystoreError */
export function operatorAddress({ operator, remote }: KeysConfig): string {
  return remote?.address ?? keystoreAddress(operator)
}

type Hooks = Pick<RemoteSignerOptions, 'onEnd' | 'clock'>

/** The signer of `keys.remote`; null without one. @throws SignerError SIGNER_CONFIG */
export function remoteOperator({ remote }: KeysConfig, hooks: Hooks = {}): RemoteSigner | null {
  if (remote === undefined) return null
  const { url, address, api, tokenFile, caFile, certificateFile, keyFile } = remote
  const tls = { ca: caFile, certificate: certificateFile, key: keyFile }
  return new RemoteSigner({ ...{ url, address, api, tokenFile, tls }, timeout: remote.timeoutSeconds * 1000, ...hooks })
}

/** The operator's signer, for commands. @throws KeystoreError, SignerError */
export async function openOperator(keys: KeysConfig, passphrase: string): Promise<OperatorSigner> {
  return remoteOperator(keys) ?? (await openKeystore(keys.operator, passphrase))
}

/** The same for the daemon, which counts and logs a remote signer's answers. */
export function operatorOf(
  keys: KeysConfig,
  key: string | null,
  { metrics, log, clock }: { readonly metrics: KeeperMetrics; readonly log: Logger; readonly clock: Clock },
): OperatorSigner {
  const onEnd = (error: SignerError | null): void => {
    metrics.signerRequests?.inc({ outcome: outcomeOf(error) })
    if (error === null) return
    log.warn({ event: 'not signed', code: error.code, reason: error.message }, 'the remote signer gave no signature')
  }
  const remote = remoteOperator(keys, { onEnd, clock })
  if (remote !== null) return remote
  if (key === null) throw new AgentError('NO_KEYS', 'the operator has no key: give a keystore, or keys.remote')
  return new Wallet(key)
}

function outcomeOf(error: SignerError | null): string {
  return error === null ? 'signed' : SIGNER_OUTCOMES[error.code]
}

/**
 * Why a signer does not serve the operator; null when it does, or when it does not say whom it serves (Clef asks its rules). Throws when the
 * signer is out of reach, since it may come back.
 * @throws SignerError SIGNER_UNREACHABLE, SIGNER_ALTERED
 */
export async function whyNotSigned(signer: RemoteSigner): Promise<string | null> {
  let accounts: string[]
  try {
    accounts = await signer.accounts()
  } catch (error) {
    if (error instanceof SignerError && error.code === 'SIGNER_REFUSED') return null
    throw error
  }
  if (accounts.includes(signer.address)) return null
  const others = accounts.length === 0 ? 'none' : accounts.slice(0, 4).join(', ')
  return `the signer at ${signer.endpoint} has no key of ${signer.address}, but of ${others}: load it there, or correct keys.remote.address`
}
