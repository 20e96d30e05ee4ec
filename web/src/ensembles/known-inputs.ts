// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs that the visitor committed to in this tab, with what opens the commitments: to prove members' answers. They go when the tab is closed.
import { z } from 'zod'
import type { TextShelf } from '../model/asked.ts'

const KEY = 'cohort/committed/'

const inputSchema = z.object({
  input: z.array(z.number()).min(1),
  salt: z
    .string()
    .regex(/^0x[0-9a-f]{1,64}$/)
    .transform(BigInt),
})

export type KnownInput = z.infer<typeof inputSchema>

/** Null for an input that this tab does not know. @param commitment 32 bytes, 0x… */
export function knownInput(commitment: string, shelf = tabShelf()): KnownInput | null {
  try {
    return inputSchema.safeParse(JSON.parse(shelf.getItem(KEY + commitment.toLowerCase()) ?? 'null')).data ?? null
  } catch {
    return null
  }
}

/** A tab without storage forgets: the question stays, for others to prove. */
export function keepInput(commitment: string, { input, salt }: KnownInput, shelf = tabShelf()): void {
  try {
    shelf.setItem(KEY + commitment.toLowerCase(), JSON.stringify({ input, salt: `0x${salt.toString(16)}` }))
  } catch {
    // See above.
  }
}

function tabShelf(): TextShelf {
  try {
    return sessionStorage
  } catch {
    return { getItem: () => null, setItem: () => undefined }
  }
}
