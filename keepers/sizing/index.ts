// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the sizing room: estimates what a service with a given number of keepers takes, by simulating its rounds.

export { type Costs, costOf, type Linear, MEASURED_COSTS } from './costs.ts'
export { roundGas } from './gas.ts'
export { messagesOf } from './messages.ts'
export { lossyRate, Network, slowStart, wireBytes } from './network.ts'
export { CHAINS, NETWORKS, PROTOCOL, WINDOWS } from './presets.ts'
export { meanRound, serviceChart, serviceCsv } from './report.ts'
export { COMPONENTS, type Component, PHASES } from './service.ts'
export { parseServiceSettings, type ServiceSettings, SizingError } from './settings.ts'
export { type Figure, type ServiceResult, type ServiceRound, simulateService } from './simulate.ts'
