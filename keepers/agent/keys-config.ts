// SPDX-License-Identifier: GPL-3.0-or-later
// `keys` of a keeper's config.
import { isAbsolute, join } from 'node:path'
import { isAddress } from 'ethers'
import { z } from 'zod'
import { SIGNER_APIS } from '../chain/index.ts'

const DEFAULT_KEYSTORE = 'operator.json'

const remoteSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'takes an http:// or https:// URL' }),
  /** The operator's address. */
  address: z.string().refine((text) => isAddress(text), 'takes an address: 0x and 40 hex digits'),
  api: z.enum(SIGNER_APIS).default('clef'),
  /** Seconds for one answer. */
  timeoutSeconds: z.number().min(0.1).max(600).default(10),
  /** A bearer token, for a proxy before the signer. */
  tokenFile: z.string().min(1).optional(),
  /** PEM files: the authority of the signer's certificate, this side's certificate and key. */
  caFile: z.string().min(1).optional(),
  certificateFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
})

export const keysSchema = z
  .strictObject({
    operator: z.string().min(1).optional(),
    passphraseFile: z.string().optional(),
    /** A signer in another process, which has the operator's key in place of `operator`. Off unless given. */
    remote: remoteSchema.optional(),
  })
  .superRefine(({ operator, remote }, context) => {
    if (remote === undefined) return
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (operator !== undefined)
      complain(['operator'], `${operator} beside keys.remote: the key is there, leave one of the two out`)
    if ((remote.certificateFile === undefined) !== (remote.keyFile === undefined)) {
      complain(
        ['remote', 'certificateFile'],
        'a certificate and its key belong together: give certificateFile and keyFile',
      )
    }
    if (URL.parse(remote.url)?.protocol === 'http:' && (remote.caFile ?? remote.certificateFile) !== undefined) {
      complain(
        ['remote', 'url'],
        `${new URL(remote.url).origin} has no TLS: use https://, or leave the certificates out`,
      )
    }
  })
  .transform((keys) => ({ ...keys, operator: keys.operator ?? DEFAULT_KEYSTORE }))

export type KeysConfig = z.infer<typeof keysSchema>

/** The same with absolute paths. */
export function withPaths(keys: KeysConfig, folder: string): KeysConfig {
  const resolve = <T extends string | undefined>(path: T) =>
    path === undefined || isAbsolute(path) ? path : join(folder, path)
  const { remote } = keys
  return {
    ...keys,
    operator: resolve(keys.operator)!,
    passphraseFile: resolve(keys.passphraseFile),
    ...(remote === undefined
      ? {}
      : {
          remote: {
            ...remote,
            tokenFile: resolve(remote.tokenFile),
            caFile: resolve(remote.caFile),
            certificateFile: resolve(remote.certificateFile),
            keyFile: resolve(remote.keyFile),
          },
        }),
  }
}
