// SPDX-License-Identifier: GPL-3.0-or-later
// The DAO: what it was asked, what it decided, and the visitor's part in it.
import { useState } from 'preact/hooks'
import type { DaoClient, Proposal, ServiceStatus, Support } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { span, time, tokens } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { inert, inertEnds } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { Guardians } from './guardians.tsx'
import { Parameters } from './parameters.tsx'

/** Proposals, and versions of a service, that are shown at once. */
const PAGE = 10
/** Characters of a decoded call that are shown. */
const MOST_OF_A_CALL = 600
/** And of the whole of it, when somebody asks. */
const MOST_OF_ALL = 200_000

type View = {
  readonly count: number
  readonly proposals: readonly Proposal[]
  readonly services: readonly ServiceStatus[]
}

/** Parts of the screen by the end of their addresses. */
const PARTS = [
  [null, 'Proposals and versions'],
  ['parameters', 'Parameters'],
  ['guardians', 'Guardians'],
] as const

export function DaoPage({ connection, chosen }: { readonly connection: Connection; readonly chosen: string | null }) {
  return (
    <>
      <h1>DAO</h1>
      <nav aria-label="Parts of the DAO">
        {PARTS.map(([part, title]) => (
          <a
            key={title}
            href={part === null ? link('dao') : link('dao', part)}
            aria-current={part === chosen ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {chosen === 'parameters' ? (
        <Parameters connection={connection} />
      ) : chosen === 'guardians' ? (
        <Guardians connection={connection} />
      ) : (
        <Proposals connection={connection} />
      )}
      <Explain>
        <p>
          A proposal is a list of calls that the timelock will make. What you read here is decoded from the calls
          themselves, not from what the proposer wrote about them. Contracts that this deployment does not know are
          shown as raw data: vote for nothing that you cannot read.
        </p>
        <p>
          A guardian stops things at once: the intake of new work, a circuit, a market's payout, a proposal in the
          timelock. It moves no money, decides nothing, changes no parameter and reaches no service; a proposal that
          only dismisses it cannot be cancelled by it.
        </p>
      </Explain>
    </>
  )
}

function Proposals({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const [skip, setSkip] = useState(0)
  const view = useLoaded(
    async (): Promise<View> => {
      const dao = await connection.dao
      const [count, proposals, services] = await Promise.all([
        dao.proposals.count(),
        dao.proposals.list({ count: PAGE, skip }),
        Promise.all(dao.services.map(({ address }) => dao.serviceStatus(address))),
      ])
      return { count, proposals: proposals.toReversed(), services }
    },
    [skip],
    block,
  )
  return (
    <>
      <Power key={account.value?.address} connection={connection} />
      <Show loaded={view} what="the proposals">
        {({ count, proposals, services }) => (
          <>
            <section>
              <h2>Proposals</h2>
              {count === 0 && <p>Nothing has been proposed.</p>}
              {proposals.map((proposal) => (
                <ProposalView key={String(proposal.id)} connection={connection} proposal={proposal} />
              ))}
              <Pages {...{ count, page: PAGE, skip }} onSkip={setSkip} />
            </section>
            {services.map((service) => (
              <Versions key={service.address} connection={connection} service={service} />
            ))}
          </>
        )}
      </Show>
    </>
  )
}

function Power({ connection }: { readonly connection: Connection }) {
  const address = account.value?.address
  const { block } = connection.head.value
  const power = useLoaded(
    async () => (address === undefined ? null : await (await connection.dao).power(address)),
    [address],
    block,
  )
  if (address === undefined) return <p>Connect a wallet to vote.</p>
  return (
    <Show loaded={power} what="your votes">
      {(mine) =>
        mine && (
          <p>
            You hold {tokens(mine.balance)} COH and have {tokens(mine.votes)} votes.{' '}
            {mine.delegate !== address && (
              <Action
                run={async () => {
                  const { votes } = await (await connection.signingDao()).delegate()
                  return `you have ${tokens(votes)} votes`
                }}
              >
                Delegate to yourself
              </Action>
            )}
          </p>
        )
      }
    </Show>
  )
}

function ProposalView({ connection, proposal }: { readonly connection: Connection; readonly proposal: Proposal }) {
  const { timestamp } = connection.head.value
  const { id, state, actions, proposer, votes, voteStart, voteEnd, executableAt } = proposal
  const act = (what: string, run: (dao: DaoClient) => Promise<{ hash: string }>) => async () => {
    const { hash } = await run(await connection.signingDao())
    await connection.look()
    return `${what}: ${hash}`
  }
  const vote = (support: Support) => act(`voted ${support}`, (dao) => dao.proposals.vote(id, support))
  const connected = account.value !== null
  return (
    <article class="proposal" data-state={state}>
      <h3>
        Proposal <Hex value={String(id)} />: {state}
      </h3>
      <ul>
        {actions.map((action, i) => (
          <li key={`${i}`}>
            {/* At its end stands how much ether the call sends. */}
            <bdi>{inertEnds(action, MOST_OF_A_CALL)}</bdi>
            {action.length > MOST_OF_A_CALL && (
              <details>
                <summary>All of it</summary>
                <Inert text={action} most={MOST_OF_ALL} />
              </details>
            )}
          </li>
        ))}
      </ul>
      <p>
        By <Hex value={proposer} />. For {tokens(votes.for)}, against {tokens(votes.against)}, abstained{' '}
        {tokens(votes.abstain)}. {state === 'pending' && `Voting starts in ${span(voteStart - timestamp)}.`}
        {state === 'active' && `Voting ends in ${span(voteEnd - timestamp)}.`}
        {state === 'queued' &&
          executableAt !== null &&
          (executableAt > timestamp ? `Can be executed from ${time(executableAt)} UTC on.` : 'Can be executed now.')}
      </p>
      {connected && state === 'active' && (
        <p>
          <Action run={vote('for')}>Vote for</Action> <Action run={vote('against')}>Vote against</Action>{' '}
          <Action run={vote('abstain')}>Abstain</Action>
        </p>
      )}
      {connected && state === 'succeeded' && (
        <Action run={act('queued', (dao) => dao.proposals.queue(id))}>Queue in the timelock</Action>
      )}
      {connected && state === 'queued' && (
        <Action
          run={act('executed', (dao) => dao.proposals.execute(id))}
          disabled={executableAt !== null && executableAt > timestamp}
        >
          Execute
        </Action>
      )}
    </article>
  )
}

function Versions({ connection, service }: { readonly connection: Connection; readonly service: ServiceStatus }) {
  const connected = account.value !== null
  const { address, name, current, versions } = service
  const propose = (what: string, run: (dao: DaoClient) => Promise<Proposal>) => async () => {
    const { id } = await run(await connection.signingDao())
    await connection.look()
    return `${what}: proposal ${inert(String(id), 12)}`
  }
  return (
    <section>
      <h2>
        Versions of <Inert text={name} />
      </h2>
      <p>{current === null ? 'Nothing is released.' : `Version ${current} is in force.`}</p>
      <Scrollable label={`Versions of ${inert(name, 60)}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Status</th>
              <th scope="col">Votes of members</th>
              <th scope="col">Since (UTC)</th>
              <th scope="col">Propose</th>
            </tr>
          </thead>
          <tbody>
            {versions
              .toReversed()
              .slice(0, PAGE)
              .map(({ version, status, votes, updatedAt }) => (
                <tr key={version}>
                  <td>
                    <a href={link('service', address, 'version', version)}>{version}</a>
                  </td>
                  <td>{status}</td>
                  <td>{votes}</td>
                  <td>{updatedAt === 0 ? '–' : time(updatedAt)}</td>
                  <td>
                    {connected && status === 'accepted' && (
                      <Action run={propose('release proposed', (dao) => dao.proposeRelease(address, version))}>
                        Release
                      </Action>
                    )}
                    {connected && status === 'released' && current !== version && current !== null && (
                      <Action run={propose('roll-back proposed', (dao) => dao.proposeRollback(address, version))}>
                        Roll back
                      </Action>
                    )}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}
