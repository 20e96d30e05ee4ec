// SPDX-License-Identifier: GPL-3.0-or-later
export { type Artifact, type ContractName, contractArtifact, contractInterface } from './artifacts.ts'
export { backoff, type Clock, systemClock } from './clock.ts'
export { clients, openService, type ServiceContracts } from './contracts.ts'
export { ChainError, type ChainErrorCode, decodeRevert, RevertError } from './errors.ts'
export { type CursorStep, EventCursor } from './event-cursor.ts'
export { FailoverProvider, type RpcOptions } from './rpc.ts'
export { type FeePolicy, type QueueEvent, TransactionQueue, type TransactionRequest } from './transaction-queue.ts'
