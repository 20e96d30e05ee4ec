// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the relay room: sends a keeper's signed steps through relayers, and runs a relayer.

export { RelayError } from './errors.ts'
export { openRelayer } from './open-relayer.ts'
export { type RelayedEvent, RelayedSender } from './relayed-sender.ts'
export { RelayServer } from './server.ts'
