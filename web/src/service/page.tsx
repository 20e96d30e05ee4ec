// SPDX-License-Identifier: GPL-3.0-or-later
// A service: its state now, or as of a block, its members, and every round that it made.
import type { ComponentChildren } from 'preact'
import { lazy, Suspense } from 'preact/compat'
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { time } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Epochs } from './epochs.tsx'
import type { ServiceStory } from './events.ts'
import { Members, Now } from './now.tsx'
import { readPast } from './past.ts'
import { Penalties } from './penalties.tsx'
import { Rounds } from './rounds.tsx'
import { readStanding } from './standing.ts'
import { useStory } from './story.ts'
import { Travel } from './travel.tsx'

const ManifestWords = lazy(async () => (await import('./manifest.tsx')).ManifestWords)
const Measured = lazy(async () => (await import('./measured.tsx')).Measured)

export type ServiceName = { readonly name: string; readonly address: string }

type Place = { readonly connection: Connection; readonly service: ServiceName }

export function ServicePage({
  connection,
  service,
  at,
}: Place & { /** Block, as the address has it; null for now. */ readonly at: string | null }) {
  const { services } = connection.site.deployment
  return (
    <>
      <h1>
        <Inert text={service.name} />
      </h1>
      {services.length > 1 && (
        <nav aria-label="Services">
          {services.map(({ name, address }) => (
            <a
              key={address}
              href={link('service', address)}
              aria-current={address === service.address ? 'page' : undefined}
            >
              <Inert text={name} most={40} />
            </a>
          ))}
        </nav>
      )}
      {at === null ? (
        <Present connection={connection} service={service} />
      ) : /^\d{1,12}$/.test(at) ? (
        <AsOf connection={connection} service={service} block={Number(at)} />
      ) : (
        <p>'{inert(at, 40)}' is no number of a block.</p>
      )}
      <Explain>
        <p>
          Everything on this screen is read from the chain by your browser. The chain sees who took each step of a
          round, and a commitment to the result; it never sees an update. Updates are encrypted under a key that no
          member holds alone, and only their sum is decrypted, by as many members as the threshold says.
        </p>
        <p>
          Members vote for the model that they computed themselves. A version is accepted when a quorum voted for the
          same commitment. The chain does not know how good it is: each member judges it on samples of its own before it
          votes, and votes state no accuracy.
        </p>
      </Explain>
    </>
  )
}

function Present({ connection, service }: Place) {
  const { block, timestamp } = connection.head.value
  const { address } = service
  const standing = useLoaded(() => readStanding(connection, address), [address], block)
  const story = useStory(connection, address)
  return (
    <>
      <Show loaded={standing} what="the service">
        {(now) => (
          <>
            <Now standing={now} timestamp={timestamp} />
            <Members service={address} standing={now} />
          </>
        )}
      </Show>
      <Show loaded={story} what="its history">
        {(told) => (
          <>
            <Travel service={address} rounds={told.rounds} shown={null} />
            <Told connection={connection} service={service} story={told} />
            <Asked open="What its weights show" title="The weights of its versions">
              <Measured connection={connection} service={address} rounds={told.rounds} />
            </Asked>
          </>
        )}
      </Show>
      <Asked open="Read it in words" title="Manifest">
        <ManifestWords connection={connection} service={address} />
      </Asked>
    </>
  )
}

function AsOf({ connection, service, block }: Place & { readonly block: number }) {
  const { address } = service
  const past = useLoaded(() => readPast(connection, address, block), [address, block])
  const story = useStory(connection, address)
  return (
    <>
      {story.value !== null && <Travel service={address} rounds={story.value.rounds} shown={block} />}
      <Show loaded={past} what={`the service as of block ${block}`}>
        {({ standing, fromLog, timestamp, story: told }) => (
          <>
            <p class="notice" role="status">
              As of block {block}, {time(timestamp)} UTC.{' '}
              {fromLog === null
                ? 'The state is what the endpoint kept of that block.'
                : `The endpoint keeps no state of that block (${inert(fromLog, 160)}): this is put together from the service's log, which has no strikes, rewards and pool.`}{' '}
              <a href={link('service', address)}>Now</a>
            </p>
            <Now standing={standing} timestamp={timestamp} />
            <Members service={address} standing={standing} />
            <Told connection={connection} service={service} story={told} />
          </>
        )}
      </Show>
    </>
  )
}

function Told({ connection, service, story }: Place & { readonly story: ServiceStory }) {
  const { address } = service
  return (
    <>
      <Rounds service={address} story={story} />
      <Epochs service={address} story={story} />
      <Penalties connection={connection} service={address} story={story} />
    </>
  )
}

/** A part that costs a download, shown when somebody asks. */
function Asked({
  title,
  open,
  children,
}: {
  readonly title: string
  readonly open: string
  readonly children: ComponentChildren
}) {
  const [asked, setAsked] = useState(false)
  return (
    <section>
      <h2>{title}</h2>
      {asked ? (
        <Suspense fallback={<p>Loading …</p>}>{children}</Suspense>
      ) : (
        <button type="button" onClick={() => setAsked(true)}>
          {open}
        </button>
      )}
    </section>
  )
}
