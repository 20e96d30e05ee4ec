// SPDX-License-Identifier: GPL-3.0-or-later
import { signal } from '@preact/signals'
import { inert } from './inert-text.ts'

/** What was done last. It outlives the button that did it: after a pay-out, say, there is nothing left to press. */
export const done = signal('')

/** Puts the focus on what was done; where nothing was, on the screen. */
export function focusDone(): void {
  const place = done.peek() === '' ? 'main' : 'done'
  document.getElementById(place)?.focus()
}

export function Done() {
  return (
    <p id="done" class="done said" role="status" tabIndex={-1}>
      {inert(done.value, 600)}{' '}
      {done.value !== '' && (
        <button
          type="button"
          onClick={() => {
            done.value = ''
            focusDone()
          }}
        >
          Dismiss
        </button>
      )}
    </p>
  )
}
