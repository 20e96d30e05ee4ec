// SPDX-License-Identifier: GPL-3.0-or-later
// Try a released model: answer at once from its public weights, prove the answer in the page, verify the proof on the chain.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Inert } from '../ui/inert.tsx'
import { AnswerOf } from './answer.tsx'
import { AskKeeper } from './ask.tsx'
import { type HubModel, listHubModels } from './hub-models.ts'
import { InputForm } from './input-form.tsx'
import { PostJob } from './job.tsx'
import { Prove } from './prove.tsx'
import { manifestOf, type Opened, openVersion } from './versions.ts'

export function ModelPage({ connection, chosen }: { readonly connection: Connection; readonly chosen: string | null }) {
  const { block } = connection.head.value
  const models = useLoaded(() => listHubModels(connection), [], block)
  return (
    <>
      <h1>Try the model</h1>
      <Show loaded={models} what="the models of the hub">
        {(list) => {
          const model =
            list.find(({ modelId }) => String(modelId) === chosen) ?? list.find(({ version }) => version !== null)
          return (
            <>
              {list.length > 1 && <Choices list={list} model={model} />}
              {model === undefined ? (
                <p>The hub offers no released model of these services yet: the DAO releases one by vote.</p>
              ) : model.version === null ? (
                <p>Model {String(model.modelId)} has no version in force.</p>
              ) : (
                <Released
                  key={`${model.modelId}/${model.version}`}
                  connection={connection}
                  model={model}
                  version={model.version}
                />
              )}
            </>
          )
        }}
      </Show>
    </>
  )
}

function Choices({ list, model }: { readonly list: readonly HubModel[]; readonly model: HubModel | undefined }) {
  return (
    <nav aria-label="Models">
      {list.map((one) => (
        <a
          key={one.modelId}
          href={link('model', String(one.modelId))}
          aria-current={one.modelId === model?.modelId ? 'page' : undefined}
        >
          Model {String(one.modelId)}: <Inert text={one.serviceName} most={40} />
        </a>
      ))}
    </nav>
  )
}

function Released({
  connection,
  model,
  version,
}: {
  readonly connection: Connection
  readonly model: HubModel
  readonly version: number
}) {
  const opened = useLoaded(async (): Promise<Opened> => {
    const manifest = await manifestOf(connection, model.service)
    return { manifest, model: await openVersion(connection, model.service, version) }
  }, [model.service, version])
  return (
    <>
      <p>
        <Inert text={model.serviceName} />,{' '}
        <a href={link('service', model.service, 'version', version)}>version {version}</a>, released by the DAO.
      </p>
      <Show loaded={opened} what="the weights, and checking them against the chain">
        {(ready) => <Ask connection={connection} hubModel={model} opened={ready} />}
      </Show>
    </>
  )
}

function Ask({
  connection,
  hubModel,
  opened,
}: {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
}) {
  const [input, setInput] = useState<readonly number[] | null>(null)
  const { manifest, model } = opened
  const answer = useLoaded(async () => (input === null ? null : await model.answer(input)), [input, model])
  const { input: schema, task } = manifest
  return (
    <div class="try">
      <section aria-label="Input">
        <h2>{schema.kind === 'picture' && schema.shape[2] === 1 ? 'Draw' : 'Ask'}</h2>
        <InputForm input={schema} onChange={setInput} />
      </section>
      <section aria-label="Answer" aria-live="polite">
        <h2>Answer</h2>
        {input === null ? (
          <p>Nothing is asked yet: the answer is computed here, from the public weights.</p>
        ) : (
          <Show loaded={answer} what="the model">
            {(said) => said && <AnswerOf answer={said} task={task} />}
          </Show>
        )}
      </section>
      <Prove key={`prove ${input === null}`} {...{ connection, hubModel, opened, input }} />
      <AskKeeper key={`ask ${input === null}`} {...{ connection, hubModel, opened, input }} />
      <PostJob key={`post ${input === null}`} {...{ connection, hubModel, opened, input }} />
    </div>
  )
}
