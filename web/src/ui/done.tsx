// SPDX-License-Identifier: GPL-3.0-or-later
import { signal } from '@preact/signals'
import { inert } from './inert-text.ts'

/** What was done last. It outlives the button that did it: after a pay-out, say, there is nothing left to press. */
export const done = signal('')

export function Done() {
  return (
    <p class="done said" role="status">
      {inert(done.value, 600)}{' '}
      {done.value !== '' && (
        <button
          type="button"
          onClick={() => {
            done.value = ''
          }}
        >
          Dismiss
        </button>
      )}
    </p>
  )
}
