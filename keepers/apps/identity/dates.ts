// SPDX-License-Identifier: GPL-3.0-or-later
// Dates as numbers yyyymmdd, which sort like dates. Somebody born on or before `date - years * 10000` is that many years old on `date`.
// contracts/identity/CivilDate.sol computes the same from a block's time.
import { IdentityError } from './errors.ts'

const DAY_MS = 86_400_000

/** The number of a day, counted since 1970-01-01, UTC. */
export function dateOfDay(day: number): number {
  const date = new Date(day * DAY_MS)
  return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate()
}

/** The number of yyyy-mm-dd. @throws IdentityError bad-input naming the field */
export function parseDate(text: string, field: string): number {
  const parts = /^([12]\d{3})-(\d{2})-(\d{2})$/.exec(text)
  const time = parts === null ? Number.NaN : Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text) {
    throw new IdentityError('bad-input', `${field} is '${text}', a date such as 1990-12-31 is needed`)
  }
  return Number(text.replaceAll('-', ''))
}

/** Both dates of a statement in one number: born on or before `bornBy`, credential valid on `through`. */
export function packDates(bornBy: number, through: number): bigint {
  return (BigInt(bornBy) << 32n) + BigInt(through)
}
