// SPDX-License-Identifier: GPL-3.0-or-later
// Values that take time, and actions that may fail, as a person sees them.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { wasDeclined } from '../chain/wallet.ts'
import { done, focusDone } from './done.tsx'
import { inert } from './inert-text.ts'

export type Loaded<T> = { readonly value: T | null; readonly error: Error | null; readonly again: () => void }

/**
 * Loads a value, and anew whenever one of `of` changes; what is on its way then is dropped, and the last good value stays until the next
 * one is there. When only `fresh` changes, such as the newest block, a loading that is under way is waited for and followed by another:
 * an endpoint that is slower than the blocks would otherwise never be heard to the end.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  of: readonly unknown[],
  fresh: unknown = null,
): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; error: Error | null }>({ value: null, error: null })
  const [turn, setTurn] = useState(0)
  const latest = useRef(load)
  latest.current = load
  const wanted = useRef<() => void>(() => undefined)
  useEffect(() => {
    const stop = new AbortController()
    let [busy, again] = [false, false]
    const run = async (): Promise<void> => {
      if (busy) {
        again = true
        return
      }
      busy = true
      do {
        again = false
        try {
          const value = await latest.current(stop.signal)
          if (!stop.signal.aborted) setState({ value, error: null })
        } catch (error) {
          if (!stop.signal.aborted) setState((last) => ({ ...last, error: error as Error }))
        }
      } while (again && !stop.signal.aborted)
      busy = false
    }
    wanted.current = run
    void run()
    return () => stop.abort()
  }, [...of, turn])
  const isFirst = useRef(true)
  useEffect(() => {
    if (!isFirst.current) wanted.current()
    isFirst.current = false
  }, [fresh])
  return { ...state, again: () => setTurn((last) => last + 1) }
}

/** What went wrong, and a way to try again. */
export function Problem({ error, again }: { readonly error: Error; readonly again?: () => void }) {
  return (
    <p class="problem" role="alert">
      {inert(error.message, 600)}{' '}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </p>
  )
}

/** Shows a value once it is there. */
export function Show<T>({
  loaded,
  children,
  what,
}: {
  readonly loaded: Loaded<T>
  readonly children: (value: T) => ComponentChildren
  /** Of the message while waiting. */
  readonly what: string
}) {
  const { value, error, again } = loaded
  return (
    <>
      {error !== null && <Problem error={error} again={again} />}
      {value !== null ? children(value) : error === null && <p aria-live="polite">Reading {what} …</p>}
    </>
  )
}

/** A button that does something which takes time. What went wrong is said beside it, what was done where all of the page can see it. */
export function Action({
  run,
  children,
  disabled = false,
}: {
  /** Resolves with what to say afterwards. */
  readonly run: () => Promise<string>
  readonly children: ComponentChildren
  readonly disabled?: boolean
}) {
  const [{ busy, problem }, setState] = useState({ busy: false, problem: '' })
  const button = useRef<HTMLButtonElement>(null)
  useKeptFocus(button)
  const start = async (): Promise<void> => {
    if (busy) return
    setState({ busy: true, problem: '' })
    done.value = ''
    try {
      done.value = await run()
      setState({ busy: false, problem: '' })
    } catch (error) {
      const why = wasDeclined(error) ? 'You declined in your wallet; nothing was sent.' : (error as Error).message
      setState({ busy: false, problem: why })
    }
  }
  return (
    <span class="action">
      {/* Not `disabled` while it works: a button that is loses the keyboard's focus, to the top of the page. */}
      <button ref={button} type="button" onClick={start} disabled={disabled} aria-disabled={busy} aria-busy={busy}>
        {children}
      </button>{' '}
      <span role="status" class="problem">
        {inert(problem, 600)}
      </span>
    </span>
  )
}

/** A button that goes away because of what it did, such as a vote's, hands the keyboard's focus to what was done, not to the top of the page. */
function useKeptFocus(button: { readonly current: HTMLButtonElement | null }): void {
  useLayoutEffect(
    () => () => {
      if (button.current !== null && button.current === document.activeElement) queueMicrotask(focusDone)
    },
    [],
  )
}
