// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy of the service's own in its manifest: a module by its hash, in place of the built-in ones of rounds.strategy.
import { strategyTermsSchema } from '../learning/index.ts'
import type { RoundTerms } from './terms.ts'

/** Without this section, members use rounds.strategy, or add the mean. */
export const manifestStrategySchema = strategyTermsSchema.optional()

/** Why a module does not fit the rest of the manifest, or null. */
export function contradictionInStrategy(strategy: unknown, rounds: RoundTerms): string | null {
  if (strategy === undefined || rounds.strategy === undefined) return null
  return 'strategy: there is rounds.strategy, too: leave one of the two out'
}

/** Why rounds cannot use an opened module, given what it declares; null if they can. @param module_ `localRate` as in StrategyModule */
export function contradictionInModule(
  module_: { readonly localRate: number | null; readonly weighs: boolean },
  { layerGroups, privacy }: RoundTerms,
): string | null {
  if (module_.localRate !== null && layerGroups !== undefined) {
    return 'the module corrects gradients by control variates, which are of whole updates: leave rounds.layerGroups out'
  }
  return module_.weighs && privacy !== undefined
    ? 'the module weighs members, and privacy has all weigh the same'
    : null
}
