// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's log, explained.
import { useMemo, useRef, useState } from 'preact/hooks'
import { Inert } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { readLog } from './log-lines.ts'

/** Lines that are shown at once. */
const PAGE = 50
/** Bytes of a file at most: two log files of a keeper. */
const MOST_FILE = 41 << 20

export function Log() {
  const [text, setText] = useState('')
  const [all, setAll] = useState(false)
  const [shown, setShown] = useState(PAGE)
  const [problem, setProblem] = useState('')
  const pasted = useRef<HTMLTextAreaElement>(null)
  const { entries, others } = useMemo(() => readLog(text), [text])
  const wanted = all ? entries : entries.filter(({ level }) => level === 'warning' || level === 'error')
  const open = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    if (file.size > MOST_FILE) return setProblem(`the file has ${file.size} bytes, at most ${MOST_FILE} are read`)
    setProblem('')
    setText(await file.text())
  }
  return (
    <section>
      <h2>Its log, explained</h2>
      <p>
        <label>
          Lines of the log
          <textarea ref={pasted} rows={4} spellcheck={false} />
        </label>
      </p>
      <p class="file">
        <button type="button" onClick={() => setText(pasted.current!.value)}>
          Explain the lines
        </button>{' '}
        <label>
          or a file of <code>cohort keeper export-logs</code>{' '}
          <input type="file" onChange={({ currentTarget }) => void open(currentTarget.files?.[0])} />
        </label>
      </p>
      <p role="status" class="problem">
        {problem}
      </p>
      {text !== '' && (
        <>
          <p>
            {entries.length} lines{others > 0 && `, ${others} others that are not a keeper’s or too old`}.{' '}
            <label>
              <input type="checkbox" checked={all} onChange={({ currentTarget }) => setAll(currentTarget.checked)} />{' '}
              Those without a warning, too
            </label>
          </p>
          {wanted.length === 0 ? (
            <p>No warning and no error.</p>
          ) : (
            <Scrollable label="Lines of the log">
              <table class="log">
                <thead>
                  <tr>
                    <th scope="col">Time</th>
                    <th scope="col">Level</th>
                    <th scope="col">Event</th>
                    <th scope="col">What happened</th>
                    <th scope="col">What to do</th>
                  </tr>
                </thead>
                <tbody>
                  {wanted.slice(0, shown).map(({ time, level, event, message, details, advice }, i) => (
                    <tr key={i} data-event={event}>
                      <td>
                        <Inert text={time} most={30} />
                      </td>
                      <td>{level}</td>
                      <td>
                        <Inert text={event} most={60} />
                      </td>
                      <td>
                        <Inert text={message} most={300} /> <Inert text={details} most={300} />
                      </td>
                      <td>{advice ?? '–'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scrollable>
          )}
          {wanted.length > shown && (
            <button type="button" onClick={() => setShown(shown + PAGE)}>
              Earlier ones
            </button>
          )}
        </>
      )}
    </section>
  )
}
