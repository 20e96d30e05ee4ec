// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded into a keeper's process and its threads before their program (`--import`). Shifts their wall clock by the seconds in the file that
// COHORT_SOAK_CLOCK names. Node reads the wall clock only through `Date`. Timers keep counting, as they do when a clock is set.
import { readFileSync } from 'node:fs'

const FILE = process.env.COHORT_SOAK_CLOCK
/** Milliseconds between looks at the file. */
const LOOK = 250

const system = Date.now.bind(Date)
let offset = 0

function read(): void {
  try {
    const seconds = Number(readFileSync(FILE!, 'utf8'))
    if (Number.isFinite(seconds)) offset = seconds * 1000
  } catch {
    offset = 0
  }
}

if (FILE !== undefined) {
  const Real = Date
  globalThis.Date = new Proxy(Real, {
    construct: (_, args, target) =>
      Reflect.construct(Real, args.length === 0 ? [system() + offset] : args, target as typeof Real),
    apply: () => new Real(system() + offset).toString(),
  })
  Real.now = () => system() + offset
  read()
  setInterval(read, LOOK).unref()
}
