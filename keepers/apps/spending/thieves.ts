// SPDX-License-Identifier: GPL-3.0-or-later
// Made-up thieves. A tenth of each one's transactions could be an owner's, and some patterns hardly differ from an owner's at all.
import { DAY, HOUR, type Life, MINUTE, NATIVE, TOKEN, UNLIMITED } from './life.ts'

export const THEFT_PATTERNS = [
  'drain',
  'series',
  'approval',
  'probe',
  'module',
  'patient',
  'invoice',
  'laundry',
] as const
export type TheftPattern = (typeof THEFT_PATTERNS)[number]

/** The pattern that training excludes by default. */
export const UNSEEN_PATTERN: TheftPattern = 'laundry'

/** Fraction of attempts that succeed. A refused attempt leaves no trace in the account's history. */
const COMES_THROUGH = 0.5

/** Steals from an account by one of the patterns. */
export function steal(pattern: TheftPattern, life: Life): void {
  const tries = { drain, series, approval, probe, module, patient, invoice, laundry }
  life.wait(MINUTE, 20 * DAY)
  tries[pattern](life)
}

/** With a stolen key: everything at once, to one new address. */
function drain(life: Life): void {
  const to = life.stranger()
  const assets = life.chance(0.5) ? [NATIVE, TOKEN] : [TOKEN, NATIVE]
  for (const asset of life.chance(0.7) ? assets : assets.slice(1)) {
    life.pay({ asset, ratio: life.wealth * life.around(0.7, 0.3), to, happens: life.chance(COMES_THROUGH) })
    life.wait(10, 4 * MINUTE)
  }
}

/** Quickly one after the other, each to another new address, so that nothing can be frozen at once. */
function series(life: Life): void {
  const asset = life.pick([NATIVE, TOKEN])
  for (let i = 4 + life.random.below(7); i > 0; i--) {
    life.pay({ asset, ratio: life.around(0.9, 0.6), to: life.stranger(), happens: life.chance(COMES_THROUGH) })
    life.wait(5, 3 * MINUTE)
  }
}

/** Has the owner sign an allowance, mostly to a plain address. */
function approval(life: Life): void {
  for (let i = 1 + life.random.below(2); i > 0; i--) {
    const ratio = life.chance(0.6) ? UNLIMITED : life.around(8, 1.2)
    const to = life.stranger(life.chance(0.2))
    life.pay({ asset: TOKEN, ratio, to, class: 'token-approval', happens: life.chance(COMES_THROUGH) })
    life.wait(10, 30 * MINUTE)
  }
}

/** A trial that needs no verdict, then the rest. */
function probe(life: Life): void {
  const to = life.stranger()
  const asset = life.pick([NATIVE, TOKEN])
  life.pay({ asset, ratio: life.around(0.01, 1), to })
  life.wait(30, 40 * MINUTE)
  for (let i = 1 + life.random.below(2); i > 0; i--) {
    life.pay({ asset, ratio: life.wealth * life.around(0.4, 0.6), to, happens: life.chance(COMES_THROUGH) })
    life.wait(20, 10 * MINUTE)
  }
}

/** Through a module that the owners once trusted. */
function module(life: Life): void {
  const to = life.stranger(life.chance(0.3))
  const origin = life.chance(0.75) ? 'module' : 'hook'
  for (let i = 1 + life.random.below(4); i > 0; i--) {
    const asset = life.pick([NATIVE, TOKEN])
    life.pay({ asset, ratio: life.around(4, 1.1), to, origin, happens: life.chance(COMES_THROUGH) })
    life.wait(15, HOUR)
  }
}

/** Little by little to one address, which soon looks like an old acquaintance. */
function patient(life: Life): void {
  const to = life.stranger()
  const asset = life.pick([NATIVE, TOKEN])
  for (let i = 3 + life.random.below(6); i > 0; i--) {
    life.pay({ asset, ratio: life.around(1.3, 0.4), to })
    life.wait(3 * HOUR, 4 * DAY)
  }
}

/** A true invoice with another's account number: one payment as any first one. */
function invoice(life: Life): void {
  life.pay({ asset: TOKEN, ratio: life.around(2, 0.7), to: life.stranger() })
}

/** Everything through a contract made for it, calls with value and tokens in turn. */
function laundry(life: Life): void {
  const to = life.stranger(true)
  for (let i = 2 + life.random.below(3); i > 0; i--) {
    const asset = life.pick([NATIVE, TOKEN])
    const kind = asset === NATIVE ? ('native-with-data' as const) : ('token-transfer' as const)
    life.pay({
      asset,
      ratio: life.wealth * life.around(0.4, 0.6),
      to,
      class: kind,
      happens: life.chance(COMES_THROUGH),
    })
    life.wait(10, 10 * MINUTE)
  }
}
