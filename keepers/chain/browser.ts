// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the chain room for pages: a bundler takes it in place of index.ts. In a page, keys stay in the visitor's wallet.

export { contractInterface } from './artifacts.ts'
export { systemClock } from './clock.ts'
export { clients } from './contracts.ts'
export { countOf } from './count.ts'
export { DaoClient } from './dao/client.ts'
export { requireProposal } from './dao/proposal-id.ts'
export { parseDeployment } from './deployment-file.ts'
export { decodeRevert } from './errors.ts'
export { REORG_DEPTH } from './log-follower.ts'
export { MarketClient } from './markets/client.ts'
export { PoolClient } from './markets/pool.ts'
export { FailoverProvider } from './rpc.ts'
export { hasSeat, seatsOf } from './seats.ts'
