// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import type { NodeOptions } from '../network/index.ts'
import type { KeeperConfig } from './config.ts'
import { AgentError } from './errors.ts'
import type { KeeperMetrics } from './metrics.ts'

/** Characters of a token: a JSON Web Token of some services takes a thousand. */
const LONGEST_TOKEN = 8192

/**
 * The config's pinning services in the data plane's form; empty without any. Counts failures, and logs one until everything is pinned
 * again. Rounds never depend on a service.
 * @throws AgentError CONFIG for a token that cannot be read now
 */
export function pinningOf(
  { ipfs, service }: Pick<KeeperConfig, 'ipfs' | 'service'>,
  metrics: KeeperMetrics,
  log: Logger,
): Pick<NodeOptions, 'pinning'> {
  if (ipfs.pinning.length === 0) return {}
  return {
    pinning: ipfs.pinning.map(({ url, tokenFile }) => {
      const { host } = new URL(url)
      let warned = false
      readToken(tokenFile)
      return {
        url,
        name: `cohort ${service.address}`,
        token: () => readToken(tokenFile),
        onEvent: ({ announced, failed, reason }) => {
          metrics.pins?.inc({ outcome: 'pinned' }, announced)
          metrics.pins?.inc({ outcome: 'failed' }, failed)
          if (announced > 0) log.debug({ event: 'models pinned', models: announced, at: host }, 'pinned at a service')
          if (failed > 0 && !warned) {
            log.warn(
              { event: 'not pinned', models: failed, at: host, reason },
              'a service did not pin models; tries again',
            )
          }
          warned = failed > 0
        },
      }
    }),
  }
}

/** The token's file is read with each request: a token that was renewed needs no restart. */
function readToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new AgentError('CONFIG', `ipfs.pinning.tokenFile: cannot read ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  // One line of visible characters: all that a header can hold.
  if (token.length > 0 && token.length <= LONGEST_TOKEN && /^[\x21-\x7e]+$/.test(token)) return token
  throw new AgentError('CONFIG', `ipfs.pinning.tokenFile: ${file} must hold the access token alone, on one line`)
}
