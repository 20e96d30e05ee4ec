// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from 'pino'
import type { NodeOptions } from '../network/index.ts'
import type { KeeperConfig } from './config.ts'
import type { KeeperMetrics } from './metrics.ts'

const HOUR = 3_600_000

/**
 * The config's DHT settings in the data plane's form; empty if the config has none. It counts failures, and logs only the first until an
 * announcement succeeds again: rounds never depend on the DHT.
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
          log.warn(
            { event: 'not announced', models: failed, reason },
            'could not announce models to the DHT; tries again',
          )
        }
        warned = failed > 0
      },
    },
  }
}
