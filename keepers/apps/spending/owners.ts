// SPDX-License-Identifier: GPL-3.0-or-later
// Made-up owners and how they spend. Each of them sometimes acts like a thief: moves everything to a new address, makes a large
// first payment, makes a trial payment before the rest, or gives an allowance to an account without code.
import type { SpendClass, SpendOrigin } from './features.ts'
import { DAY, HOUR, type Life, MINUTE, NATIVE, TOKEN, UNLIMITED } from './life.ts'

export const OWNER_KINDS = ['household', 'payroll', 'treasury', 'shop', 'trader'] as const
export type OwnerKind = (typeof OWNER_KINDS)[number]

/** Plays the next stretch of an account's life. Each call is a few days. */
export type Owner = () => void

/** Fraction of owners who move everything to another address of theirs in a stretch. */
const MOVES = 0.004

/** An owner of a kind, who spends from the account. */
export function ownerOf(kind: OwnerKind, life: Life): Owner {
  const live = { household, payroll, treasury, shop, trader }[kind](life)
  return () => {
    live()
    if (life.chance(MOVES)) move(life)
  }
}

function household(life: Life): Owner {
  const shops = [...life.strangers(4, true), ...life.strangers(4)]
  const [landlord, exchange] = life.strangers(2)
  const asset = life.chance(0.5) ? NATIVE : TOKEN
  return () => {
    for (let i = life.random.below(6); i > 0; i--) {
      life.wait(2 * HOUR, 3 * DAY)
      life.pay({ asset, ratio: life.around(0.12, 0.9), to: life.chance(0.8) ? life.pick(shops) : life.stranger() })
    }
    life.wait(HOUR, 4 * DAY)
    life.pay({ asset: TOKEN, ratio: life.around(0.9, 0.4), to: landlord! })
    life.wait(HOUR, 12 * DAY)
    if (life.chance(0.35)) life.pay({ asset, ratio: life.around(3, 0.9), to: exchange! })
    if (life.chance(0.15)) first(life, asset, life.around(2.2, 0.8))
  }
}

function payroll(life: Life): Owner {
  const staff = life.strangers(4 + life.random.below(14))
  const origin = life.chance(0.3) ? 'module' : 'owners'
  const rate = life.around(0.3, 0.5)
  return () => {
    life.wait(10 * DAY, 20 * DAY)
    if (life.chance(0.3)) staff.push(life.stranger())
    const bonus = life.chance(0.1) ? 2 : 1
    for (const to of staff) {
      life.pay({ asset: TOKEN, ratio: bonus * life.around(rate, 0.4), to, origin })
      life.wait(10, 5 * MINUTE)
    }
    if (life.chance(0.2)) first(life, TOKEN, life.around(1.5, 0.8))
  }
}

function treasury(life: Life): Owner {
  const contracts = life.strangers(4, true)
  const grantees = life.strangers(3)
  const module: SpendOrigin = life.chance(0.5) ? 'module' : 'hook'
  return () => {
    life.wait(12 * HOUR, 9 * DAY)
    const ratio = life.around(3.5, 1.1)
    const origin = life.chance(0.15) ? module : 'owners'
    const to = life.chance(0.75) ? life.pick(contracts) : life.stranger(true)
    switch (life.random.below(6)) {
      case 0:
        return life.pay({ ratio, to, origin })
      case 1:
        return life.pay({ ratio, to, class: 'native-with-data', origin })
      case 2:
        return approve(life, to, origin)
      case 3: {
        if (!life.chance(0.3)) return life.pay({ asset: TOKEN, ratio, to: life.pick(grantees), origin })
        return grant(life, grantees, ratio)
      }
      case 4: {
        const kind: SpendClass = life.chance(0.5) ? 'self-call' : 'token-unknown'
        return life.pay({ ratio: 0, to, class: kind, origin })
      }
      default:
        return life.pay({
          asset: TOKEN,
          ratio,
          to,
          origin,
          class: life.chance(0.2) ? 'token-transfer-from' : 'token-transfer',
        })
    }
  }
}

/** A series of grants to several new addresses. */
function grant(life: Life, grantees: number[], ratio: number): void {
  for (let i = 1 + life.random.below(4); i > 0; i--) {
    const to = life.stranger()
    grantees.push(to)
    life.pay({ asset: TOKEN, ratio: life.around(ratio / 3, 0.5), to })
    life.wait(30, HOUR)
  }
}

function shop(life: Life): Owner {
  const suppliers = life.strangers(5)
  const customers = life.strangers(5)
  return () => {
    for (let i = life.random.below(5); i > 0; i--) {
      life.wait(HOUR, 2 * DAY)
      life.pay({
        asset: TOKEN,
        ratio: life.around(0.08, 1),
        to: life.chance(0.5) ? life.pick(customers) : life.stranger(),
      })
    }
    for (let i = 1 + life.random.below(3); i > 0; i--) {
      life.wait(5 * MINUTE, 3 * DAY)
      const ratio = life.around(1.6, 0.7)
      if (life.chance(0.8)) life.pay({ asset: TOKEN, ratio, to: life.pick(suppliers) })
      else suppliers.push(first(life, TOKEN, ratio))
    }
  }
}

function trader(life: Life): Owner {
  const venues = life.strangers(5, true)
  const desk = life.stranger()
  return () => {
    for (let i = 1 + life.random.below(4); i > 0; i--) {
      life.wait(3 * MINUTE, 2 * DAY)
      const to = life.chance(0.85) ? life.pick(venues) : life.stranger(true)
      if (life.chance(0.5)) approve(life, to, 'owners')
      life.wait(20, 10 * MINUTE)
      life.pay({ ratio: life.around(1.8, 1), to, class: 'native-with-data' })
    }
    if (life.chance(0.2)) life.pay({ asset: TOKEN, ratio: life.around(4, 0.8), to: desk })
  }
}

function approve(life: Life, contract: number, origin: SpendOrigin): void {
  const to = life.chance(0.04) ? life.stranger() : contract
  const ratio = life.chance(0.4) ? UNLIMITED : life.around(2.5, 1.2)
  life.pay({ asset: TOKEN, ratio, to, class: 'token-approval', origin })
}

/** The first payment to somebody new, a third of the time after a trial. */
function first(life: Life, asset: number, ratio: number): number {
  const to = life.stranger()
  if (life.chance(0.33)) {
    life.pay({ asset, ratio: life.around(0.02, 0.8), to })
    life.wait(10 * MINUTE, 2 * DAY)
  }
  life.pay({ asset, ratio, to })
  return to
}

/** Everything goes to a new address of the same owner. */
function move(life: Life): void {
  const to = life.stranger()
  for (const asset of [TOKEN, NATIVE]) {
    if (life.chance(0.6)) {
      life.pay({ asset, ratio: 0.01, to })
      life.wait(2 * MINUTE, HOUR)
    }
    life.pay({ asset, ratio: life.wealth * life.around(0.7, 0.3), to })
    life.wait(30, 20 * MINUTE)
  }
}
