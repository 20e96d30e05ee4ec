// SPDX-License-Identifier: GPL-3.0-or-later
// Simulate a service's rounds in the page, with the library that keepers train with.
import { proxy, type Remote, wrap } from 'comlink'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { RoundRecord } from '../../../keepers/learning/index.ts'
import { Problem } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { percent } from '../ui/format.ts'
import { inert } from '../ui/inert-text.ts'
import { type ChoiceChange, type Choices, changed, commandOf, USUAL } from './choices.ts'
import { Curves, RoundsTable } from './curves.tsx'
import { LiarsForm, RoundsForm, SamplesForm } from './form.tsx'
import type { Table } from './samples.ts'
import { STORIES } from './stories.ts'
import type { Finished, SimulationWorker } from './worker.ts'

type Run = {
  readonly records: readonly RoundRecord[]
  readonly before: readonly RoundRecord[]
  readonly progress: { readonly round: number; readonly done: number; readonly members: number } | null
  readonly busy: boolean
  readonly finished: Finished | null
  readonly error: Error | null
}

const NOTHING: Run = { records: [], before: [], progress: null, busy: false, finished: null, error: null }

export function SimulatePage() {
  const [choices, setChoices] = useState<Choices>(USUAL)
  const [table, setTable] = useState<Table | null>(null)
  const [story, setStory] = useState(0)
  const [run, setRun] = useState<Run>(NOTHING)
  const worker = useRef<{ thread: Worker; api: Remote<SimulationWorker> } | null>(null)
  const end = (): void => {
    worker.current?.thread.terminate()
    worker.current = null
  }
  useEffect(() => end, [])
  const change = (some: ChoiceChange): void => setChoices((last) => changed(last, some))
  const start = async (wanted: Choices): Promise<void> => {
    if (run.busy) return
    setRun(({ records }) => ({ ...NOTHING, before: records, busy: true }))
    try {
      if (worker.current === null) {
        const thread = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
        worker.current = { thread, api: wrap<SimulationWorker>(thread) }
      }
      const failed = new Promise<never>((_, reject) => {
        worker.current!.thread.onerror = ({ message }) =>
          reject(new Error(`the simulation's thread failed: ${message}`))
      })
      const listener = proxy({
        round: (record: RoundRecord) => setRun((last) => ({ ...last, records: [...last.records, record] })),
        member: (round: number, done: number, members: number) =>
          setRun((last) => ({ ...last, progress: { round, done, members } })),
      })
      const { deviceMemory } = navigator as { readonly deviceMemory?: number }
      const running = worker.current.api.run({ choices: wanted, table, deviceMemory }, listener)
      const finished = await Promise.race([running, failed])
      setRun((last) => ({ ...last, finished, busy: false, progress: null }))
    } catch (error) {
      setRun((last) => ({ ...last, error: error as Error, busy: false, progress: null }))
    }
  }
  return (
    <>
      <h1>Simulate</h1>
      <p>
        Several parties train one model without showing their samples to each other. Here all of them are in this page:
        the same code that keepers train with, on the project's own digits, so that you can see what helps and what
        ruins a model before anyone stakes a coin.
      </p>
      <section aria-label="Stories">
        <h2>Five stories</h2>
        <ul class="stories">
          {STORIES.map(({ title, choices: told }, i) => (
            <li key={title}>
              <button
                type="button"
                aria-pressed={story === i}
                aria-disabled={run.busy}
                onClick={() => {
                  if (run.busy) return
                  const next = { ...USUAL, ...told, seed: choices.seed }
                  setStory(i)
                  setTable(null)
                  setChoices(next)
                  void start(next)
                }}
              >
                {title}
              </button>
            </li>
          ))}
        </ul>
        <p aria-live="polite">{STORIES[story]?.words}</p>
      </section>
      <form
        class="choices"
        onSubmit={(event) => {
          event.preventDefault()
          setStory(-1)
          void start(choices)
        }}
      >
        <SamplesForm {...{ choices, table, change, onTable: setTable }} />
        <RoundsForm {...{ choices, change }} />
        <LiarsForm {...{ choices, change }} />
        <p>
          <button type="submit" aria-disabled={run.busy} aria-busy={run.busy}>
            Run the simulation
          </button>{' '}
          <button
            type="button"
            aria-disabled={!run.busy}
            onClick={() => {
              if (run.busy) void worker.current?.api.cancel()
            }}
          >
            Cancel
          </button>
        </p>
      </form>
      <Result run={run} rounds={choices.rounds} again={() => start(choices)} />
      {table === null && (
        <p>
          On a command line, <code class="command">{commandOf(choices)}</code> gives the same figures, to the last
          digit.
        </p>
      )}
      <Explanation />
    </>
  )
}

function Result({ run, rounds, again }: { readonly run: Run; readonly rounds: number; readonly again: () => void }) {
  const { records, before, progress, busy, finished, error } = run
  const last = records.at(-1)
  const atWork =
    progress === null || progress.round < records.length ? '' : `, ${progress.done} of ${progress.members} keepers`
  return (
    <section aria-label="Result">
      <h2>Result</h2>
      {error !== null && <Problem error={error} again={again} />}
      {busy && (
        <p>
          <progress max={rounds} value={records.length} aria-label="Rounds done" /> round {records.length + 1} of{' '}
          {rounds}
          {atWork}
        </p>
      )}
      <p role="status">
        {finished !== null && last !== undefined
          ? `Done: ${percent(last.accuracy)} right after ${last.round} rounds.`
          : records.length === 0 && !busy && error === null
            ? 'Nothing has run yet: choose a story, or run your own.'
            : ''}
      </p>
      {records.length > 0 && (
        <>
          <Curves records={records} before={before} />
          <RoundsTable records={records} />
        </>
      )}
      {finished !== null && <Facts finished={finished} />}
    </section>
  )
}

function Facts({ finished }: { readonly finished: Finished }) {
  const { samples, parameters, histograms, without, csv } = finished
  const held = histograms.map((counts) => counts.filter((count) => count > 0).length)
  const sizes = histograms.map((counts) => counts.reduce((sum, count) => sum + count, 0))
  const range = (values: readonly number[]): string => {
    const [least, most] = [Math.min(...values), Math.max(...values)]
    return least === most ? String(least) : `${least} to ${most}`
  }
  return (
    <>
      <dl class="facts">
        <Fact name="Samples">{inert(samples)}</Fact>
        <Fact name="Parameters of the network">{parameters.toLocaleString('en-US')}</Fact>
        <Fact name="Samples of a keeper">{range(sizes)}</Fact>
        <Fact name="Classes that a keeper has seen">{range(held)}</Fact>
      </dl>
      <p>
        <Download csv={csv} />
      </p>
      {without.length > 0 && (
        <>
          <h3>What a live service does differently</h3>
          <ul>
            {without.map((line) => (
              <li key={line}>{inert(line, 400)}</li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}

function Download({ csv }: { readonly csv: string }) {
  const [url, setUrl] = useState('')
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([csv], { type: 'text/csv' }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [csv])
  return (
    <a href={url} download="rounds.csv">
      Download the rounds as CSV
    </a>
  )
}

function Explanation() {
  return (
    <Explain>
      <p>
        Nothing about this simulation is proven: all of it happens in your browser, and you can only believe your own
        machine. A table of yours is read here and goes nowhere.
      </p>
      <p>
        In a live service, such a round goes like this: members train, clip and encrypt their updates; everybody adds up
        the ciphertexts and attests the sum; t members, drafted by a block hash, decrypt the mean and nothing else; and
        each member judges the new model on a hold-out of its own before it votes. A proof of shortness shows the other
        members that an update is short, and encrypted under the secret that its sender dealt. Nothing proves that
        somebody trained honestly: the bound, the vote, and the defences that you see above help against lies.
      </p>
    </Explain>
  )
}
