// SPDX-License-Identifier: GPL-3.0-or-later
// One question: what each member proved, and what the ensemble made of it.
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, time } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { send } from '../ui/send.ts'
import { type Ensemble, openEnsemble, oracleOf } from './ensembles.ts'
import type { AskedQuestion } from './events.ts'
import { opinionOf, statusOf } from './opinion.ts'
import { ProveAnswers } from './prove-answers.tsx'

/** A member's answer as the oracle read it, and the question that a member which is an ensemble was asked. */
type Read = { readonly value: bigint; readonly margin: bigint; readonly child: bigint }

export function QuestionPage({
  connection,
  ensembleId,
  questionId,
}: {
  readonly connection: Connection
  readonly ensembleId: bigint
  readonly questionId: bigint
}) {
  const { block } = connection.head.value
  const opened = useLoaded(
    async () => {
      const { ensemble, tale } = await openEnsemble(connection, ensembleId)
      const question = tale.questions.find((one) => one.questionId === questionId)
      if (question?.ensembleId !== ensembleId) throw new Error(`ensemble ${ensembleId} has no question ${questionId}`)
      const oracle = oracleOf(connection)
      const read = await Promise.all(
        ensemble.members.map(async (_, member): Promise<Read> => {
          const [{ value, margin }, child] = await Promise.all([
            oracle.answerOf(questionId, member),
            oracle.childOf(questionId, member),
          ])
          return { value, margin, child }
        }),
      )
      return { ensemble, question, read }
    },
    [ensembleId, questionId],
    block,
  )
  return (
    <>
      <h1>
        Question {String(questionId)} of ensemble {String(ensembleId)}
      </h1>
      <Show loaded={opened} what="the question">
        {({ ensemble, question, read }) => (
          <>
            <Asked connection={connection} ensemble={ensemble} question={question} />
            <Answers ensemble={ensemble} question={question} read={read} />
            {account.value !== null && (
              <ProveAnswers
                {...{ connection, ensemble, question }}
                key={account.value.address}
                submitter={account.value.address}
              />
            )}
          </>
        )}
      </Show>
      <p>
        <a href={link('ensembles', String(ensembleId))}>The ensemble</a>
      </p>
      <Explain>
        <p>
          Each proof is bound to this question, this member and its submitter: nobody else can be paid for it, and it
          answers no other question. All members are asked about the input with the same commitment, and no proof shows
          the input.
        </p>
      </Explain>
    </>
  )
}

function Asked({
  connection,
  ensemble,
  question,
}: {
  readonly connection: Connection
  readonly ensemble: Ensemble
  readonly question: AskedQuestion
}) {
  const status = statusOf(question, connection.head.value.timestamp)
  const { closed, answers } = question
  // A member that is an ensemble answers when its own question is closed, which closing this one does.
  const all = ensemble.members.filter(({ decoding }) => decoding !== 'ensemble').length
  const closable = status === 'due' || (status === 'open' && answers.length === all)
  return (
    <>
      <dl class="facts">
        <Fact name="State">{status}</Fact>
        <Fact name="Opinion">{opinionOf(question, ensemble.votes)}</Fact>
        <Fact name="Asked by">
          <Hex value={question.asker} />
        </Fact>
        <Fact name="Input commitment">
          <Hex value={question.inputCommitment} />
        </Fact>
        <Fact name="Answers until (UTC)">{time(question.deadline)}</Fact>
        <Fact name="For each answer">{ether(question.share)}</Fact>
        {question.parent > 0n && <Fact name="Asked for question">{String(question.parent)}</Fact>}
        {closed !== null && (
          <Fact name="Decided in">
            <Hex value={closed.transactionHash} />
          </Fact>
        )}
      </dl>
      {closable && account.value !== null && (
        <p>
          <Action
            run={async () =>
              await send(connection, 'closed', [contractInterface('EnsembleOracle')], async (signer) =>
                clients
                  .ensembles(connection.site.deployment.contracts.EnsembleOracle, signer)
                  .close(question.questionId),
              )
            }
          >
            Close the question
          </Action>
        </p>
      )}
    </>
  )
}

function Answers({
  ensemble,
  question,
  read,
}: {
  readonly ensemble: Ensemble
  readonly question: AskedQuestion
  readonly read: readonly Read[]
}) {
  return (
    <section>
      <h2>Answers</h2>
      <Scrollable label="Answers">
        <table>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col">Model</th>
              <th scope="col">Said</th>
              <th scope="col">Margin</th>
              <th scope="col">Version</th>
              <th scope="col">Proven by</th>
              <th scope="col">Transaction with the proof</th>
            </tr>
          </thead>
          <tbody>
            {ensemble.members.map(({ id, decoding, about }, i) => {
              const answer = question.answers.find(({ member }) => member === i)
              const { value, margin, child } = read[i]!
              return (
                <tr key={`${i}`}>
                  <td>{i}</td>
                  <td>
                    <Inert text={about} />
                  </td>
                  <td>
                    {decoding === 'ensemble' ? (
                      <a href={link('ensembles', String(id), 'question', String(child))}>question {String(child)}</a>
                    ) : answer === undefined ? (
                      'nothing'
                    ) : (
                      <>
                        {ensemble.votes ? 'label' : 'score'} {String(value)}
                        {!answer.cast && ', too unsure to vote'}
                      </>
                    )}
                  </td>
                  <td>{answer !== undefined && decoding === 'label and margin' ? String(margin) : '–'}</td>
                  <td>{answer === undefined ? '–' : answer.version}</td>
                  <td>{answer === undefined ? '–' : <Hex value={answer.submitter} />}</td>
                  <td>{answer === undefined ? '–' : <Hex value={answer.transactionHash} />}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}
