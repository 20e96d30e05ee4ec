// SPDX-License-Identifier: GPL-3.0-or-later
// Whether the tour is shown, and that it was: in the browser's own storage, and nowhere else.
import { signal } from '@preact/signals'

export const TOUR_KEY = 'cohort/tour'

function wasHere(): boolean {
  try {
    return localStorage.getItem(TOUR_KEY) !== null
  } catch {
    // Without storage it would come back at each visit: better not at all.
    return true
  }
}

export const touring = signal(!wasHere())

export function startTour(): void {
  touring.value = true
}

export function endTour(): void {
  touring.value = false
  try {
    localStorage.setItem(TOUR_KEY, 'seen')
  } catch {
    // See above.
  }
}
