// SPDX-License-Identifier: GPL-3.0-or-later
// A walk through the screens for somebody who has never been here. It covers nothing and takes no focus: whoever knows the place goes on.
import { useEffect, useRef, useState } from 'preact/hooks'
import { link } from './route.ts'
import { endTour } from './tour-memory.ts'

type Stop = { readonly title: string; readonly words: string; readonly place: readonly string[] }

const STOPS: readonly Stop[] = [
  {
    title: 'A model that nobody owns alone',
    words:
      'Several parties, the keepers, train one model on samples that they do not show each other. Contracts on a chain make them keep to the rules. ' +
      'This page reads that chain; it has no server, and looking costs nothing.',
    place: [],
  },
  {
    title: 'Rounds',
    words:
      'In each round members train, encrypt their updates, add up the ciphertexts, decrypt the mean alone, and vote on the new model. ' +
      'A missed step costs a strike, a proven lie costs stake.',
    place: ['service'],
  },
  {
    title: 'Try the model',
    words:
      'The weights are public, so the answer is computed here. Your browser can prove it without giving your input away; ' +
      'or you pay a keeper to answer, and then the input is public.',
    place: ['model'],
  },
  {
    title: 'The DAO decides',
    words: 'A vote of token holders puts a version in force, and another vote can go back to an earlier one.',
    place: ['dao'],
  },
  {
    title: 'Proofs settle markets',
    words:
      'Contracts act on proven answers: a market pays out when somebody proves what the model reads in a signed story.',
    place: ['market'],
  },
  {
    title: 'See what lies do',
    words:
      'Run a service of ten keepers in this page, let three of them lie, and switch a defence on. ' +
      'Each screen ends with “What is proven, and to whom”: what you can check, and what you have to believe.',
    place: ['simulate'],
  },
]

export function Tour() {
  const [at, setAt] = useState(0)
  const { title, words } = STOPS[at]!
  const next = useRef<HTMLButtonElement>(null)
  const isOwn = useRef(false)
  const go = (to: number): void => {
    setAt(to)
    isOwn.current = true
    location.hash = link(...STOPS[to]!.place)
  }
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') endTour()
    }
    // A new screen takes the focus; the one who walks on with the keyboard keeps it.
    const moved = (): void => {
      if (isOwn.current) next.current?.focus()
      isOwn.current = false
    }
    addEventListener('keydown', key)
    addEventListener('hashchange', moved)
    return () => {
      removeEventListener('keydown', key)
      removeEventListener('hashchange', moved)
    }
  }, [])
  const last = at === STOPS.length - 1
  return (
    <aside class="tour" aria-label="Tour">
      <div aria-live="polite">
        <p class="quiet">
          Tour, {at + 1} of {STOPS.length}
        </p>
        <p>
          <strong>{title}.</strong> {words}
        </p>
      </div>
      <p>
        <button type="button" aria-disabled={at === 0} onClick={() => at > 0 && go(at - 1)}>
          Back
        </button>{' '}
        <button type="button" ref={next} onClick={() => (last ? endTour() : go(at + 1))}>
          {last ? 'Finish' : 'Next'}
        </button>{' '}
        {!last && (
          <button type="button" onClick={endTour}>
            End the tour
          </button>
        )}
      </p>
    </aside>
  )
}
