// SPDX-License-Identifier: GPL-3.0-or-later
// To a service as it was: a round, or a block.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Round } from './events.ts'
import { blockOf } from './past.ts'

export function Travel({
  service,
  rounds,
  shown,
}: {
  readonly service: string
  readonly rounds: readonly Round[]
  /** Block that is shown; null for now. */
  readonly shown: number | null
}) {
  const past = rounds.filter((round) => blockOf(rounds, round) !== null)
  const current = shown === null ? past.length - 1 : past.findLastIndex((round) => blockOf(rounds, round)! <= shown)
  const [at, setAt] = useState(Math.max(0, current))
  const chosen = past[Math.min(at, past.length - 1)]
  if (chosen === undefined) return null
  const block = blockOf(rounds, chosen)!
  return (
    <section>
      <h2>Time travel</h2>
      <p class="travel">
        <label>
          Round{' '}
          <input
            type="range"
            min={0}
            max={past.length - 1}
            value={at}
            aria-valuetext={`round ${chosen.round}`}
            onInput={(event) => setAt(Number(event.currentTarget.value))}
          />
        </label>{' '}
        <a href={link('service', service, 'at', block)}>
          As of round {chosen.round}, block {block}
        </a>
      </p>
    </section>
  )
}
