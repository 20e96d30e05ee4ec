// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from 'pino'
import type { NodeOptions } from '../network/index.ts'
import type { KeeperConfig } from './config.ts'
import type { KeeperMetrics } from './metrics.ts'

const HOUR = 3_600_000

/**
 * What the config says of a DHT, as the data plane takes it; nothing when it says nothing. Failures are counted, and
 * told once until a time when everything was announced: a round never depends on them.
 */
export function dhtOf(
  config: KeeperConfig['network']['dht'],
  metrics: KeeperMetrics,
  log: Logger,
): Pick<NodeOptions, 'dht'> {
  if (config === undefined) return {}
  const { mode, bootstrap, prefix, announceHours } = config
  let warned = false
  return {
    dht: {
      mode,
      bootstrap,
      ...(prefix === undefined ? {} : { prefix }),
      announceEvery: announceHours * HOUR,
      onEvent: ({ announced, failed, reason }) => {
        metrics.dht?.announcements.inc({ outcome: 'announced' }, announced)
        metrics.dht?.announcements.inc({ outcome: 'failed' }, failed)
        if (announced > 0) log.debug({ event: 'models announced', models: announced }, 'told the DHT of models')
        if (failed > 0 && !warned) {
          log.warn({ event: 'not announced', models: failed, reason }, 'could not tell the DHT of models; tries again')
        }
        warned = failed > 0
      },
    },
  }
}
