// SPDX-License-Identifier: GPL-3.0-or-later
// Every screen of the console, once: who adds one names it here, and it is photographed, read by axe in light and dark, walked through with
// the keyboard, squeezed into a phone, and shown a chain that lies.
import type { DeploymentFile } from '../../keepers/chain/index.ts'

export type ConsoleScreen = {
  /** Of its picture in docs/images/console. */
  readonly name: string
  /** Of its address, after `#/`. */
  readonly parts: readonly string[]
  /** What is there once the screen has what it shows, as a selector; its heading unless told. */
  readonly ready?: string
  /** Draws a digit first, so that there is an answer to look at. */
  readonly draw?: true
}

/** Of the demo: its service has made versions, and its first market is settled. */
export function consoleScreens({ services }: DeploymentFile): readonly ConsoleScreen[] {
  const service = services[0]!.address
  return [
    { name: 'service', parts: ['service'], ready: '.chart canvas' },
    { name: 'version', parts: ['service', service, 'version', '1'], ready: 'dl.facts' },
    { name: 'keeper', parts: ['service', service, 'keeper', `0x${'00'.repeat(19)}01`], ready: '.notice' },
    { name: 'model', parts: ['model'], ready: '.drawing canvas', draw: true },
    { name: 'dao', parts: ['dao'], ready: '.proposal' },
    { name: 'market', parts: ['market'] },
    { name: 'one-market', parts: ['market', '1'], ready: '.question' },
    { name: 'operator', parts: ['operator'], ready: 'textarea' },
  ]
}
