// SPDX-License-Identifier: GPL-3.0-or-later
// One ensemble: its rule, its members and their weights, and the questions that it was asked.
import { useMemo, useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { COLOURS } from '../ui/colours.ts'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { percent, time } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { Table } from '../ui/table.tsx'
import { AskEnsemble, Owed } from './ask.tsx'
import { type Ensemble, openEnsemble } from './ensembles.ts'
import type { AskedQuestion, EnsembleTale } from './events.ts'
import { opinionOf, statusOf, weightCurves } from './opinion.ts'

/** Questions that are shown at once. */
const PAGE = 15

export function EnsemblePage({ connection, id }: { readonly connection: Connection; readonly id: bigint }) {
  const { block } = connection.head.value
  const opened = useLoaded(() => openEnsemble(connection, id), [id], block)
  return (
    <>
      <h1>Ensemble {String(id)}</h1>
      <Show loaded={opened} what="the ensemble">
        {({ ensemble, tale }) => (
          <>
            <Rule ensemble={ensemble} founder={tale.founders.get(id) ?? null} />
            <Members ensemble={ensemble} tale={tale} />
            <Questions
              connection={connection}
              ensemble={ensemble}
              questions={tale.questions.filter((one) => one.ensembleId === id)}
            />
          </>
        )}
      </Show>
      {account.value !== null && (
        <>
          <AskEnsemble key={account.value.address} connection={connection} id={id} />
          <Owed connection={connection} address={account.value.address} />
        </>
      )}
      <p>
        <a href={link('ensembles')}>All ensembles</a>
      </p>
      <Explain>
        <p>
          A weight says how often a member agreed with the outcome of questions that may move weights; it is kept
          between a quarter and four times what the founder gave. The choice of questions decides which members look
          wrong, which is why an ensemble may name a curator whose questions alone count.
        </p>
      </Explain>
    </>
  )
}

function Rule({ ensemble, founder }: { readonly ensemble: Ensemble; readonly founder: string | null }) {
  const { rule, votes, quorum, majority, adaptation, curator, range, tolerance } = ensemble
  return (
    <dl class="facts">
      <Fact name="Decides by">{rule}</Fact>
      <Fact name="Weight that must be cast">{percent(quorum)}</Fact>
      {votes ? (
        <>
          <Fact name="Of that, the winner needs">{majority === 0 ? 'more than any other' : percent(majority)}</Fact>
          <Fact name="Labels">{String(range)}</Fact>
        </>
      ) : (
        <>
          <Fact name="Largest magnitude of a score">{String(range)}</Fact>
          <Fact name="Agreed when within">{String(tolerance)}</Fact>
        </>
      )}
      <Fact name="Weights move by">{adaptation === 0 ? 'nothing' : `1/${2 ** adaptation} of themselves`}</Fact>
      <Fact name="Whose questions move them">{curator === null ? "everybody's" : <Hex value={curator} />}</Fact>
      {founder !== null && (
        <Fact name="Founded by">
          <Hex value={founder} />
        </Fact>
      )}
    </dl>
  )
}

function Members({ ensemble, tale }: { readonly ensemble: Ensemble; readonly tale: EnsembleTale }) {
  const { ensembleId, members } = ensemble
  const asked = tale.questions.filter((one) => one.ensembleId === ensembleId)
  const moved = tale.weights.get(ensembleId) ?? []
  const [questions, curves] = useMemo(() => {
    const { questions: along, weights } = weightCurves(
      members.map(({ firstWeight }) => firstWeight),
      moved,
    )
    return [
      along,
      weights.map((values, i) => ({ label: `member ${i}`, color: COLOURS[i % COLOURS.length]!, values })),
    ] as const
  }, [moved.length, members.length])
  return (
    <section>
      <h2>Members</h2>
      <Scrollable label="Members">
        <table>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col">Model</th>
              <th scope="col">Read as</th>
              <th scope="col">Weight at first</th>
              <th scope="col">Weight now</th>
              <th scope="col">Abstains below a margin of</th>
              <th scope="col">Answers that it proved</th>
            </tr>
          </thead>
          <tbody>
            {members.map(({ id, decoding, about, firstWeight, weight, minMargin }, i) => (
              <tr key={`${i}`}>
                <td>{i}</td>
                <td>
                  {decoding === 'ensemble' ? (
                    <a href={link('ensembles', String(id))}>ensemble {String(id)}</a>
                  ) : (
                    <>
                      model {String(id)}: <Inert text={about} />
                    </>
                  )}
                </td>
                <td>{decoding}</td>
                <td>{firstWeight}</td>
                <td>{weight}</td>
                <td>{minMargin === 0n ? '–' : String(minMargin)}</td>
                <td>{asked.filter(({ answers }) => answers.some(({ member }) => member === i)).length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
      {moved.length > 0 && (
        <Chart title="Weights after each question" rounds={questions} curves={curves} axis="question" />
      )}
    </section>
  )
}

function Questions({
  connection,
  ensemble,
  questions,
}: {
  readonly connection: Connection
  readonly ensemble: Ensemble
  readonly questions: readonly AskedQuestion[]
}) {
  const { timestamp } = connection.head.value
  const [skip, setSkip] = useState(0)
  return (
    <section>
      <h2>Questions</h2>
      {questions.length === 0 ? (
        <p>Nobody has asked it yet.</p>
      ) : (
        <Table
          label="Questions"
          rows={questions.toReversed().slice(skip, skip + PAGE)}
          keyOf={({ questionId }) => String(questionId)}
          columns={[
            [
              'Question',
              ({ questionId: id }) => (
                <a href={link('ensembles', String(ensemble.ensembleId), 'question', String(id))}>{String(id)}</a>
              ),
            ],
            ['State', (question) => statusOf(question, timestamp)],
            ['Opinion', (question) => opinionOf(question, ensemble.votes)],
            ['Proven answers', ({ answers }) => `${answers.length} of ${ensemble.members.length}`],
            ['Until (UTC)', ({ deadline }) => time(deadline)],
            ['Asked by', ({ asker }) => <Hex value={asker} />],
          ]}
        />
      )}
      <Pages count={questions.length} page={PAGE} skip={skip} onSkip={setSkip} />
    </section>
  )
}
