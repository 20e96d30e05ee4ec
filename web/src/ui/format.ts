// SPDX-License-Identifier: GPL-3.0-or-later
// Amounts and times for people.
import { formatEther, parseEther } from 'ethers'

/** Units of 1e-18 token, to a thousandth below. */
export function tokens(amount: bigint): string {
  return (Number(amount / 10n ** 15n) / 1000).toLocaleString('en-US')
}

/** Wei, whole and exact, in ether. */
export function ether(wei: bigint): string {
  return `${formatEther(wei).replace(/\.0$/, '')} ether`
}

/** What was typed, in wei. @throws Error that says what is wrong with it */
export function weiOf(typed: string): bigint {
  const trimmed = typed.trim()
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(trimmed))
    throw new Error(`'${typed.slice(0, 40)}' is no amount: type a number such as 0.5`)
  const wei = parseEther(trimmed)
  if (wei === 0n) throw new Error('type an amount above 0')
  return wei
}

/** The last second that a date can be of (ECMAScript, time values). Contracts have 64 bits for one, and strangers fill them. */
const LAST_SECOND = 8.64e12

/** Unix seconds as a date and a time of day, UTC. */
export function time(seconds: number): string {
  if (!(Math.abs(seconds) <= LAST_SECOND)) return 'never'
  return new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19)
}

/** A span of seconds, as `4 s`, `3 min 20 s`, `2 h 5 min` or `3 d 4 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [d, h, m, s] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ]
  if (d > 0) return `${d} d ${h} h`
  if (h > 0) return `${h} h ${m} min`
  return m > 0 ? `${m} min ${s} s` : `${s} s`
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
