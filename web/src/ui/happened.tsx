// SPDX-License-Identifier: GPL-3.0-or-later
import type { Happening } from './happening.ts'
import { Hex } from './inert.tsx'
import { inert } from './inert-text.ts'

/** Events that are shown, the newest. */
const MOST = 100

/** What happened to one thing, the newest first. */
export function Happened({
  events,
  none = 'Nothing yet.',
}: {
  readonly events: readonly Happening[]
  readonly none?: string
}) {
  if (events.length === 0) return <p>{none}</p>
  return (
    <>
      <ul class="happened">
        {events
          .slice(-MOST)
          .toReversed()
          .map(({ block, text, transactionHash }, i) => (
            <li key={`${transactionHash}/${i}`}>
              Block {block}: {inert(text, 400)} (<Hex value={transactionHash} />)
            </li>
          ))}
      </ul>
      {events.length > MOST && <p>… and {events.length - MOST} before them.</p>}
    </>
  )
}
