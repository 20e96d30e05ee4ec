// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy of the service's own in its manifest: a module by its hash, in place of the built-in ones of rounds.strategy.
import { strategyTermsSchema } from '../learning/index.ts'
import type { RoundTerms } from './terms.ts'

/** Left out, members go by rounds.strategy, or add the mean. */
export const manifestStrategySchema = strategyTermsSchema.optional()

/** Why a module does not fit the rest of the manifest, or null. */
export function contradictionInStrategy(strategy: unknown, rounds: RoundTerms): string | null {
  if (strategy === undefined || rounds.strategy === undefined) return null
  return 'strategy: there is rounds.strategy, too: leave one of the two out'
}
