// SPDX-License-Identifier: GPL-3.0-or-later
// For who runs a keeper: what it says of itself, which alerts would fire, and what its log means. Nothing of it leaves the page.

import { rules } from 'virtual:alert-rules'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { Problem } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Alerts } from './alerts.ts'
import { AlertList, Figures } from './figures.tsx'
import { type Reading, readKeeper } from './keeper.ts'
import { Log } from './log.tsx'
import { parseMetrics } from './metrics.ts'
import { Place } from './place.tsx'

/** Milliseconds between two looks at a keeper. */
const LOOK_EVERY = 5_000
/** What a scrape has beside the keeper's own figures, as Prometheus adds it. */
const SCRAPE = { job: 'cohort', instance: 'this keeper' } as const

type Seen = { readonly reading: Reading; readonly alerts: Alerts; readonly live: boolean }

export function OperatorPage({ connection }: { readonly connection: Connection }) {
  const [seen, setSeen] = useState<Seen | null>(null)
  const [problem, setProblem] = useState<Error | null>(null)
  const [watched, setWatched] = useState<{ readonly address: string; readonly token: string } | null>(null)
  const alerts = useRef(new Alerts(rules))

  const took = (reading: Reading, live: boolean): void => {
    const samples = reading.samples.map((sample) => ({
      ...sample,
      labels: { ...sample.labels, instance: SCRAPE.instance },
    }))
    alerts.current.readings.add(reading.at, [...samples, { name: 'up', labels: SCRAPE, value: 1 }])
    setSeen({ reading, alerts: alerts.current, live })
    setProblem(null)
  }
  useEffect(() => {
    if (watched === null) return
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    alerts.current = new Alerts(rules)
    setSeen(null)
    const look = async (): Promise<void> => {
      try {
        took(await readKeeper(watched.address, watched.token, stop.signal), true)
      } catch (error) {
        if (stop.signal.aborted) return
        const at = Date.now() / 1000
        alerts.current.readings.add(at, [{ name: 'up', labels: SCRAPE, value: 0 }])
        setSeen((last) => last && { ...last, reading: { ...last.reading, at } })
        setProblem(error as Error)
      }
      timer = setTimeout(look, LOOK_EVERY)
    }
    void look()
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [watched])

  const paste = (text: string): void => {
    setWatched(null)
    alerts.current = new Alerts(rules)
    setSeen(null)
    try {
      took({ at: Date.now() / 1000, health: null, samples: parseMetrics(text) }, false)
    } catch (error) {
      setProblem(error as Error)
    }
  }
  return (
    <>
      <h1>Operator</h1>
      <div class="try">
        <Connect watching={watched !== null} onConnect={setWatched} onStop={() => setWatched(null)} />
        <Paste onPaste={paste} />
      </div>
      {problem !== null && <Problem error={problem} />}
      <div aria-live="polite">
        {seen !== null && (
          <p class="done">{seen.live ? 'Connected: read again every 5 s.' : 'Read what you pasted.'}</p>
        )}
      </div>
      {seen !== null && (
        <>
          <Figures reading={seen.reading} />
          {typeof seen.reading.health?.operator === 'string' && (
            <Place connection={connection} operator={seen.reading.health.operator} />
          )}
          <AlertList alerts={seen.alerts.at(seen.reading.at)} />
        </>
      )}
      <Log />
      <Explain>
        <p>
          Nothing here is proven: your keeper and its log report it. Only its place in the round is read from the chain.
          Token, metrics and log stay in this page, which forgets them when it is closed.
        </p>
        <p>
          The alerts are those of <code>deploy/monitoring/rules.yml</code>, judged by what this page has read. A page is
          no watch: it sees nothing while it is closed. Give the rules to Prometheus.
        </p>
      </Explain>
    </>
  )
}

function Connect({
  watching,
  onConnect,
  onStop,
}: {
  readonly watching: boolean
  readonly onConnect: (to: { readonly address: string; readonly token: string }) => void
  readonly onStop: () => void
}) {
  const [address, setAddress] = useState('http://127.0.0.1:9464')
  const [token, setToken] = useState('')
  return (
    <section>
      <h2>Connect to a keeper on this machine</h2>
      <p>
        Its config allows it: <code>monitoring.page</code> with the origin <code>{location.origin}</code> and a token.
      </p>
      <p>
        <label>
          Address <input value={address} onInput={({ currentTarget }) => setAddress(currentTarget.value)} />
        </label>
      </p>
      <p>
        <label>
          Token{' '}
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
      </p>
      <button type="button" onClick={() => onConnect({ address, token: token.trim() })}>
        Connect
      </button>{' '}
      {watching && (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      )}
    </section>
  )
}

function Paste({ onPaste }: { readonly onPaste: (text: string) => void }) {
  const text = useRef<HTMLTextAreaElement>(null)
  return (
    <section>
      <h2>Or paste its metrics</h2>
      <p>
        <label>
          What <code>curl http://127.0.0.1:9464/metrics</code> prints
          <textarea ref={text} rows={5} spellcheck={false} />
        </label>
      </p>
      <button type="button" onClick={() => onPaste(text.current!.value)}>
        Read the metrics
      </button>
    </section>
  )
}
