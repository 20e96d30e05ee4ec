// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the chain room: contracts over JSON-RPC. Endpoints and their agreement, events, transactions, keys, and typed clients of
// the DAO, the markets, claims and private tables.

export { type Artifact, type ContractName, contractArtifact, contractInterface } from './artifacts.ts'
export { BatchTree } from './claims/batch-tree.ts'
export { ClaimClient, type ClaimTerms, type ClaimView } from './claims/client.ts'
export { statementOf as claimStatement } from './claims/terms.ts'
export { backoff, type Clock, steady, systemClock } from './clock.ts'
export {
  clients,
  openService,
  type ServiceArguments,
  type ServiceContracts,
  type ServiceEvent,
  type ServiceEventArguments,
  type ServiceMethod,
  type Sortition,
} from './contracts.ts'
export { countOf } from './count.ts'

export type { CallText } from './dao/calls.ts'
export { DaoClient, type DaoClientOptions } from './dao/client.ts'
export { DaoError, type DaoErrorCode } from './dao/errors.ts'
export type { ServiceStatus, VersionRecord } from './dao/history.ts'
export { requireProposal } from './dao/proposal-id.ts'
export type { Proposal } from './dao/proposal-state.ts'
export { type Call, ProposalBook } from './dao/proposals.ts'
export type { ServiceTerms } from './dao/services.ts'
export { SETUP_KIND, type SetupKind, type Support, type VersionStatus } from './dao/terms.ts'
export { hoeffdingMargin } from './data-market/bounds.ts'
export { OffersClient } from './data-market/offers.ts'
export { RewardsClient } from './data-market/rewards.ts'
export { rotaOf, sittersOf } from './data-market/rota.ts'
export {
  type CampaignTerms,
  DataMarketError,
  type OfferTerms,
  type OfferView,
  standingOf,
} from './data-market/terms.ts'
export { type DeploymentFile, parseDeployment, readDeployment } from './deployment-file.ts'
export { chainIdOf, hostOf } from './endpoint.ts'
export { ChainError, type ChainErrorCode, decodeRevert, RevertError } from './errors.ts'
export { type CursorStep, EventCursor } from './event-cursor.ts'
export { withGasMargin } from './gas-margin.ts'
export { HeadSubscription } from './head-subscription.ts'
export { type Head, HeadWatch, type HeadWatchOptions } from './head-watch.ts'
export {
  KeystoreError,
  type KeystoreErrorCode,
  keystoreAddress,
  openKeystore,
  PASSPHRASE_VARIABLE,
  readPassphrase,
  writeKeystore,
} from './keystore.ts'
export { LogFollower, REORG_DEPTH } from './log-follower.ts'
export { blockAt, newestLog } from './log-search.ts'
export { MarketClient } from './markets/client.ts'
export { MarketError, type MarketErrorCode } from './markets/errors.ts'
export { PoolClient } from './markets/pool.ts'
export type { MarketKind, MarketTerms, MarketView, Payout, PoolView, Proven, Signed } from './markets/terms.ts'
export { nodePost } from './node-post.ts'
export { decodeAddress, encodeAddress, PeerBook } from './peers.ts'
export { chunksHashOf, PrivateTablesClient } from './privacy/client.ts'
export { releaseContextOf, releaseQueryIdOf } from './privacy/names.ts'
export {
  PrivateTableError,
  type PrivateTableErrorCode,
  type ReleaseQuery,
  type ReleaseStatus,
  type ReleaseView,
  type SeriesTerms,
  type SeriesView,
  type VersionView,
} from './privacy/terms.ts'
export { type EndpointAnswer, FailoverProvider, type RpcOptions } from './rpc.ts'
export { bitmapOf, hasSeat, seatsOf } from './seats.ts'
export { RemoteSigner, type RemoteSignerOptions } from './signer/remote-signer.ts'
export { type OperatorSigner, SignerError, type SignerErrorCode } from './signer/signer.ts'
export { SignerAccount } from './signer/signer-account.ts'
export { isLoopback } from './signer/signer-connection.ts'
export { SIGNER_APIS, type SignerApi } from './signer/signer-protocols.ts'
export { sortitionAt } from './sortition.ts'
export { type QueueEvent, type Sender, TransactionQueue } from './transaction-queue.ts'
export type { TransactionRequest } from './transaction-signer.ts'
export {
  callsAtOneBlock,
  denyHeight,
  type Endpoints,
  hasWitnesses,
  leaveStale,
  settled,
  settledCall,
  settles,
} from './witnesses.ts'
