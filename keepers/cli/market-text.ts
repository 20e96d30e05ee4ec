// SPDX-License-Identifier: GPL-3.0-or-later
// How `cohort market` reads what is typed, and shows what it found.
import { InvalidArgumentError } from 'commander'
import type { MarketView, PoolView } from '../chain/index.ts'
import { UsageError } from './failure.ts'

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** A point in time in Unix seconds, given the chain's present time. */
export type When = (now: number) => number

/** `2026-12-01T12:00Z`, Unix seconds, or `+2d` from now: seconds, minutes, hours, days. */
export function parseWhen(text: string): When {
  const relative = /^\+(\d{1,9})([smhd])$/.exec(text)
  if (relative !== null) {
    const seconds = Number(relative[1]) * SECONDS[relative[2] as keyof typeof SECONDS]
    return (now) => now + seconds
  }
  const at = /^\d{9,11}$/.test(text) ? Number(text) : Date.parse(text) / 1000
  if (!Number.isInteger(at)) {
    throw new InvalidArgumentError('a time such as 2026-12-01T12:00Z, +2d, or Unix seconds is needed.')
  }
  return () => at
}

/** `0,1,-,0`: for each class of the model its outcome, `-` where it abstains. */
export function parseClasses(text: string): (number | null)[] {
  return text.split(',').map((part) => {
    const outcome = part.trim()
    if (outcome === '-') return null
    if (!/^\d{1,2}$/.test(outcome) || Number(outcome) > 15) {
      throw new InvalidArgumentError('outcomes 0 to 15, or -, with commas between them are needed: one for each class.')
    }
    return Number(outcome)
  })
}

export function parseOdds(text: string): bigint[] {
  return text.split(',').map((part) => {
    if (!/^[1-9]\d{0,8}$/.test(part.trim())) {
      throw new InvalidArgumentError('whole numbers from 1 with commas between them are needed: one for each outcome.')
    }
    return BigInt(part.trim())
  })
}

/** Percent with at most two decimals, to hundredths of a percent. */
export function parsePercent(most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,3}(\.\d{1,2})?$/.test(text) ? Number(text) : Number.NaN
    if (!(value <= most)) throw new InvalidArgumentError(`a percentage from 0 to ${most} with two decimals is needed.`)
    return Math.round(value * 100)
  }
}

/** A decimal number of tokens, kept as text until the token says how many decimals it has. */
export function parseTokens(text: string): string {
  if (!/^\d{1,30}(\.\d{1,30})?$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('a decimal number above 0 is needed.')
  }
  return text
}

/** An amount in the token's least unit. @throws UsageError when the text has more decimals than the token */
export function unitsOf(text: string, decimals: number): bigint {
  const [whole = '0', part = ''] = text.split('.')
  if (part.length > decimals) throw new UsageError(`${text}: the token has ${decimals} decimals`)
  return BigInt(whole + part.padEnd(decimals, '0'))
}

export function shownUnits(amount: bigint, decimals: number): string {
  const digits = amount.toString().padStart(decimals + 1, '0')
  const part = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${digits.slice(0, digits.length - decimals)}${decimals === 0 || part === '' ? '' : `.${part}`}`
}

export function listText(markets: readonly MarketView[], count: number): string {
  if (markets.length === 0) return 'No markets here: `cohort market create` opens one.'
  const lines = markets.map(({ marketId, status, closesAt, outcomes, pot, collateral }) => {
    const held = `${shownUnits(pot, collateral.decimals)} ${collateral.symbol}${collateral.own ? '' : ` (${collateral.address})`}`
    return `${String(marketId).padStart(4)}  ${status.padEnd(8)}  ${outcomes} outcomes  closes ${time(closesAt)}  ${held}`
  })
  const last = markets.at(-1)!.marketId
  if (last > 1n) lines.push(`${count} in all; \`--from ${last - 1n}\` shows older ones`)
  return lines.join('\n')
}

/** What a resolution pays, in words. */
export function resolutionText({ outcome, share }: NonNullable<MarketView['resolution']>): string {
  if (share !== undefined) return `outcome 1 is paid ${share} of everything, outcome 0 the rest`
  return outcome === null ? 'equal split' : `outcome ${outcome}`
}

export function marketText(market: MarketView, pools: readonly PoolView[]): string {
  const { marketId, kind, status, collateral, resolution, input, holdings } = market
  const amount = (units: bigint): string => `${shownUnits(units, collateral.decimals)} ${collateral.symbol}`.trimEnd()
  const rows: [string, string][] = [
    ['market', `${marketId} (${kind}), ${status}`],
    ['model', `${market.modelId}, version ${market.version}`],
    ['window', `${time(market.opensAt)} to ${time(market.closesAt)}, proofs until ${time(market.deadline)}`],
    ['outcomes', `${market.outcomes}; classes ${market.classes.map((found) => found ?? '-').join(',') || 'none'}`],
    ['margin', String(market.minMargin)],
    ['pot', amount(market.pot)],
    ...(collateral.own ? [] : [['paid in', `${collateral.address}, not the deployment's token`] as [string, string]]),
    ['tag', market.tag],
    ['context', String(market.context)],
  ]
  if (market.publisherId > 0n) rows.push(['publisher', String(market.publisherId)])
  if (input !== undefined) {
    rows.push(['input', input.pinned ?? 'whatever the publisher signs'])
    rows.push([
      'payout',
      input.payout === 'classes' ? input.payout : `${input.payout}, ${input.lower} and ${input.width} on`,
    ])
  }
  if (resolution !== null) {
    const { resolvedAt, flagged } = resolution
    rows.push([
      'resolved',
      `${resolutionText(resolution)} at ${time(resolvedAt)}${flagged === null ? '' : `; ${flagged}`}`,
    ])
  }
  if (holdings.length > 0)
    rows.push(['you hold', holdings.map((units) => shownUnits(units, collateral.decimals)).join(', ')])
  for (const { feeBps, address, prices, shares } of pools) {
    const price = prices.length === 0 ? 'no liquidity' : `prices ${prices.map((one) => one.toFixed(3)).join(', ')}`
    const own = shares === 0n ? '' : `; your shares ${shownUnits(shares, collateral.decimals)}`
    rows.push(['pool', `${address}, fee ${feeBps / 100} %: ${price}${own}`])
  }
  return rows.map(([key, value]) => `${key.padEnd(9)} ${value}`).join('\n')
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
