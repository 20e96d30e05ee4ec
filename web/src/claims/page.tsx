// SPDX-License-Identifier: GPL-3.0-or-later
// Claims on record: what models are said to be good for, by whom, and what became of it.
import { getAddress, isAddress } from 'ethers'
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { ChoiceField, Field } from '../ui/field.tsx'
import { ether, time } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Table } from '../ui/table.tsx'
import { ClaimPage } from './claim.tsx'
import {
  type ClaimList,
  type ClaimRow,
  chosenBy,
  type Filter,
  figureText,
  KINDS,
  listClaims,
  matches,
  type State,
  stateText,
} from './claims.ts'
import { download, toCsv, toJson } from './export.ts'

/** Claims that are shown at once. */
const PAGE = 20
/** Seconds of the chain's time after which the list is read anew. */
const FRESH = 30

const STATES: readonly (readonly [State, string])[] = [
  ['all', 'all'],
  ['counts', 'counts now'],
  ['expiring', 'expires within 30 days'],
  ['expired', 'expired'],
  ['refuted', 'refuted'],
  ['challenged', 'was challenged'],
]

export function ClaimsPage({
  connection,
  chosen,
  id,
}: {
  readonly connection: Connection
  /** Address of a registry; null for that of this copy. */
  readonly chosen: string | null
  /** Number of a claim; null for all. */
  readonly id: string | null
}) {
  if (chosen !== null && !isAddress(chosen)) return <p>'{inert(chosen, 80)}' is no address of a registry of claims.</p>
  const registry = chosen === null ? connection.site.claims : getAddress(chosen)
  if (id !== null && registry !== null) {
    if (!/^\d{1,15}$/.test(id)) return <p>'{inert(id, 40)}' is no number of a claim.</p>
    return (
      <>
        <Whose connection={connection} registry={registry} />
        <ClaimPage connection={connection} registry={registry} id={BigInt(id)} />
      </>
    )
  }
  return (
    <>
      <h1>Claims</h1>
      {registry !== null && <Whose connection={connection} registry={registry} />}
      <p>
        Claims on record about models: how often a model is right, or how alike it treats two groups. Each is proven on
        a committed batch, with a bond that a refutation takes.
      </p>
      {registry === null ? <Choose /> : <Claims connection={connection} registry={registry} />}
      <Explain>
        <p>
          A proof says: the network with this commitment has this figure on the batch with this commitment. It is bound
          to the claimant and to all terms. The guarantee is weaker, and holds for every other batch that the claim's
          auditor signs, or that is drawn from its pool: a refutation on one of them takes the bond.
        </p>
        <p>
          Neither weights nor samples are shown. A claim does not show that the batch is a good one: ask who chose it,
          how many samples it has, and whether anybody can challenge it. The endpoint that this page reads from can
          leave claims out, misreport what a circuit states, and name the commitment of another model that has such a
          proof: so the page shows the commitment beside each verdict.
        </p>
      </Explain>
    </>
  )
}

/**
 * A link may name any contract, which may say anything about its claims: what they are about, who chose the batches, that they are badges. A proof
 * that holds shows none of that.
 */
function Whose({ connection, registry }: { readonly connection: Connection; readonly registry: string }) {
  const { claims } = connection.site
  if (claims !== null && getAddress(claims) === registry) return null
  return (
    <p class="problem" role="alert">
      The link names the registry <Hex value={registry} />.{' '}
      {claims === null ? 'This copy of the console names none' : 'This copy of the console names another one'}: believe
      what is said here only if somebody you trust gave you this address.
    </p>
  )
}

/** For a copy that names no registry. */
function Choose() {
  const [typed, setTyped] = useState('')
  const isRight = isAddress(typed.trim())
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (isRight) location.hash = link('claims', getAddress(typed.trim()))
      }}
    >
      <Field
        name="Registry of claims"
        note="This copy of the console names none."
        problem={typed === '' || isRight ? '' : 'takes an address: 0x and 40 hexadecimal digits'}
      >
        {(ids) => <input {...ids} value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />}
      </Field>
      <p>
        <button type="submit">Show its claims</button>
      </p>
    </form>
  )
}

function Claims({ connection, registry }: { readonly connection: Connection; readonly registry: string }) {
  const { timestamp } = connection.head.value
  const list = useLoaded(() => listClaims(connection, registry), [registry], Math.floor(timestamp / FRESH))
  return (
    <Show loaded={list} what="the claims">
      {(claims) =>
        claims.count === 0 ? (
          <p>There are no claims yet. `cohort claim publish` makes one.</p>
        ) : (
          <Chosen {...{ connection, registry, claims }} />
        )
      }
    </Show>
  )
}

function Chosen({
  connection,
  registry,
  claims,
}: {
  readonly connection: Connection
  readonly registry: string
  readonly claims: ClaimList
}) {
  const { timestamp: now, block } = connection.head.value
  const [filter, setFilter] = useState<Filter>({ kind: 'all', state: 'all', auditor: '' })
  const [skip, setSkip] = useState(0)
  const change = (changes: Partial<Filter>): void => {
    setFilter({ ...filter, ...changes })
    setSkip(0)
  }
  const rows = claims.rows.filter((row) => matches(row, filter, now))
  const { chainId } = connection.site.deployment
  return (
    <>
      <div class="choices">
        <ChoiceField
          name="Kind"
          value={filter.kind}
          options={[['all', 'all'], ...KINDS.slice(1).map((kind) => [kind, kind] as const)]}
          onChange={(kind) => change({ kind })}
        />
        <ChoiceField name="State" value={filter.state} options={STATES} onChange={(state) => change({ state })} />
        <Field name="Auditor" note="An address, or a part of one.">
          {(ids) => (
            <input
              {...ids}
              value={filter.auditor}
              onInput={({ currentTarget }) => change({ auditor: currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <p aria-live="polite">
        {rows.length} of {claims.rows.length} claims
        {claims.count > claims.rows.length && `; the registry has ${claims.count}, the first and the newest are read`}.{' '}
        <button type="button" onClick={() => download('claims.csv', toCsv(rows, now), 'text/csv')}>
          Save as CSV
        </button>{' '}
        <button
          type="button"
          onClick={() => download('claims.json', toJson(rows, now, { chainId, registry, block }), 'application/json')}
        >
          Save as JSON
        </button>
      </p>
      <Table
        label="Claims"
        rows={rows.slice(skip, skip + PAGE)}
        keyOf={({ claimId }) => String(claimId)}
        columns={[
          ['Claim', ({ claimId }) => <a href={link('claims', registry, claimId)}>{claimId}</a>],
          ['Service', ({ service }) => <Hex value={service} />],
          ['Version', ({ version }) => version],
          ['Statement', ({ kind }) => kind],
          ['Proven', (row) => figureText(row, row.figure)],
          ['Guaranteed', (row) => figureText(row, row.guarantee)],
          ['State', (row) => stateText(row, now)],
          ['Batch', (row) => <ChosenBy row={row} />],
          ['Bond', ({ bond }) => ether(bond)],
          ['Expires (UTC)', ({ expiresAt }) => time(expiresAt)],
          ['Challenges', ({ told }) => told?.challenges.length ?? 0],
        ]}
      />
      <Pages {...{ count: rows.length, page: PAGE, skip }} onSkip={setSkip} />
    </>
  )
}

function ChosenBy({ row }: { readonly row: ClaimRow }) {
  if (row.source !== 'auditor' || row.auditor === null) return <>{chosenBy(row)}</>
  return (
    <>
      signed by the auditor <Hex value={row.auditor} />
    </>
  )
}
