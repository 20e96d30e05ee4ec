// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort identity`: credentials, pictures, lists and gates. Each party runs its own commands: issuer, camera, holder, keeper of a
// list, owner of a gate.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount } from './chain-command.ts'
import { fieldElement, wholeNumber } from './zkml/terminal.ts'

const EXAMPLES = `
Examples (an account of a development node; --keystore FILE elsewhere):
  cohort identity circuit people/ --local && cohort identity circuit changes/ --list --local
  cohort dao deploy-verifier people/ --account 0          # then register both, as for any circuit
  cohort identity deploy-lists changes/ --account 0
  cohort identity list open --lists 0x… --name sanctions --account 1
  cohort identity deploy-gate people/ --lists 0x… --sanctions 1 --min-age 18 --except 408 364 --account 0
  cohort identity wallet --out wallet.json && cohort zkml sign-key --out camera.key
  cohort identity issue --key issuer.key --holder 0x… --camera 0x… --picture enrolment.json --document C01X00T47 \\
    --country 276 --born 1990-12-31 --expires 2031-05-01 --out credential.json
  cohort identity challenge --gate 0x… --for 0x… --json
  cohort identity capture --key camera.key --picture now.json --context 123… --out capture.json
  cohort identity pass people/ --wallet wallet.json --credential credential.json --capture capture.json --gate 0x… \\
    --chain 31337 --for 0x… --block 17 --issuer 1 --key-id 1 --min-age 18 --except 408 364 --account 2
  cohort identity show --gate 0x… --for 0x…
`

const JSON_FLAG = ['--json', 'print the result as JSON'] as const

const files = () => import('./identity-files.ts')
const chain = () => import('./identity-chain.ts')

export function registerIdentity(program: Command): void {
  const identity = program
    .command('identity')
    .description('prove facts about your identity without revealing it: credentials, faces, lists, gates')
    .addHelpText('after', EXAMPLES)

  registerNetwork(identity)
  registerParties(identity)
  registerLists(identity)
  registerGates(identity)
}

function registerNetwork(identity: Command): void {
  identity
    .command('train')
    .description('train the network of faces from nothing; the seed gives the same bits everywhere')
    .option('--seed <n>', 'people, first weights and order of samples', wholeNumber('--seed', 0, 0xffff_ffff), 1)
    .option('--out <file>', 'file for the network (default: standard output)')
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).train(options))

  identity
    .command('rates')
    .description('false matches and false non-matches on drawn people that training never saw')
    .option('--model <file>', 'a network that `train` wrote; the one of this release when absent')
    .option('--people <n>', 'how many', wholeNumber('--people', 2, 1000), 100)
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).rates(options))

  identity
    .command('circuit <folder>')
    .description('compile the circuit that proves identities, or changes of a list; takes half a minute')
    .option('--list', 'the circuit of changes of a list')
    .option('--local', 'also make a key on your own: for tests only, since its maker could forge proofs')
    .option('--model <file>', 'a network that `train` wrote; the one of this release when absent')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await files()).circuit(folder, options))
}

function registerParties(identity: Command): void {
  identity
    .command('wallet')
    .description('draw a holder’s secret; prints the value that an issuer gets')
    .requiredOption('--out <file>', 'file for the secret; must not exist')
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).wallet(options))

  identity
    .command('picture')
    .description('draw a person that does not exist, in place of a camera’s sensor or a document’s photograph')
    .requiredOption('--person <n>', 'who', wholeNumber('--person', 0, 0xffff_ffff))
    .option('--shot <n>', 'which picture of them', wholeNumber('--shot', 0, 0xffff_ffff), 0)
    .requiredOption('--out <file>', 'file for the picture')
    .option('--show', 'also print it')
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).picture(options))

  identity
    .command('issue')
    .description('issuer: sign a credential for a document, its holder and the holder’s camera')
    .requiredOption('--key <file>', 'the issuer’s key, from `cohort zkml sign-key`')
    .requiredOption('--holder <hex>', 'the holder, as `wallet` prints it', fieldElement('--holder'))
    .requiredOption('--camera <hex>', 'the camera’s public key, as `zkml sign-key` prints it')
    .requiredOption('--picture <files...>', 'pictures of the face of the document’s holder')
    .requiredOption('--document <number>', 'letters and digits')
    .requiredOption('--country <code>', 'ISO 3166-1 numeric', parseCount)
    .requiredOption('--born <date>', 'yyyy-mm-dd')
    .requiredOption('--expires <date>', 'yyyy-mm-dd, the last day on which it is valid')
    .requiredOption('--out <file>', 'file for the credential, which is for the holder alone')
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).issue(options))

  identity
    .command('capture')
    .description('camera: sign a picture for the context of a challenge')
    .requiredOption('--key <file>', 'the camera’s key, from `cohort zkml sign-key`')
    .requiredOption('--picture <file>', 'the sensor’s picture')
    .requiredOption('--context <number>', 'from `challenge`', fieldElement('--context'))
    .requiredOption('--out <file>', 'file for picture and signature, which are for the holder alone')
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).capture(options))

  identity
    .command('document')
    .description('the value that stands for a document in lists')
    .requiredOption('--document <number>', 'letters and digits')
    .requiredOption('--country <code>', 'ISO 3166-1 numeric', parseCount)
    .option(...JSON_FLAG)
    .action(async (options) => (await files()).document(options))
}

function registerLists(identity: Command): void {
  chainCommand(identity, 'deploy-lists <folder>', 'deploy a registry of lists for the circuit of changes').action(
    async (folder, options) => (await chain()).deployListsOf(folder, options),
  )

  const list = identity.command('list').description('lists of documents and of revoked credentials, each change proven')
  listCommand(list, 'open', 'open a list that you keep')
    .requiredOption('--name <text>', 'for people, 1 to 64 bytes')
    .action(async (options) => (await chain()).openList(options))
  valued(
    listCommand(list, 'add <folder>', 'keeper: prove and send an addition; the folder is of the circuit of changes'),
  ).action(async (folder, options) => (await chain()).changeList(folder, 'add', options))
  valued(listCommand(list, 'remove <folder>', 'keeper: prove and send a removal')).action(async (folder, options) =>
    (await chain()).changeList(folder, 'remove', options),
  )
  valued(listCommand(list, 'check', 'whether a value is in a list; exit code 1 where it is')).action(async (options) =>
    (await chain()).checkList(options),
  )
}

function registerGates(identity: Command): void {
  chainCommand(identity, 'deploy-gate <folder>', 'deploy a gate for the circuit of identities, with a first policy')
    .addOption(listsOption().makeOptionMandatory())
    .requiredOption('--sanctions <list>', 'the list that documents must not be on', parseCount)
    .option('--admin <address>', 'sets policy and issuers (default: the DAO’s timelock)', parseAddress)
    .option('--min-age <years>', 'of holders', wholeNumber('--min-age', 0, 150), 18)
    .option('--countries <codes...>', 'only these, ISO 3166-1 numeric')
    .option('--except <codes...>', 'all but these')
    .option('--pass-days <n>', 'how long a pass lasts', wholeNumber('--pass-days', 1, 366), 30)
    .option(
      '--root-seconds <n>',
      'how long a replaced root is still accepted',
      wholeNumber('--root-seconds', 0, 86_400),
      600,
    )
    .option(
      '--challenge-blocks <n>',
      'how old a challenge may be, in blocks',
      wholeNumber('--challenge-blocks', 1, 256),
      128,
    )
    .action(async (folder, options) => (await chain()).deployGateOf(folder, options))

  gateCommand(identity, 'accept', 'owner: accept an issuer, with the list of the credentials that it revokes')
    .requiredOption('--issuer <id>', 'the issuer’s number at the registry of publishers', parseCount)
    .requiredOption('--revocations <list>', 'the issuer’s list', parseCount)
    .option('--withdraw', 'stop accepting it, which ends the passes that rest on it')
    .action(async (options) => (await chain()).accept(options))

  forAccount(
    gateCommand(identity, 'challenge', 'print what a camera is to sign for an account; valid for some blocks'),
  ).action(async (options) => (await chain()).challenge(options))

  forAccount(gateCommand(identity, 'pass <folder>', 'holder: prove, and bring the proof to the gate', true))
    .requiredOption('--wallet <file>', 'the file that `wallet` wrote')
    .requiredOption('--credential <file>', 'the file that `issue` wrote')
    .requiredOption('--capture <file>', 'the file that `capture` wrote')
    .requiredOption('--block <number>', 'the challenge’s block', parseCount)
    .requiredOption('--issuer <id>', 'the issuer’s number at the registry of publishers', parseCount)
    .requiredOption('--key-id <id>', 'the number of the issuer’s key there', parseCount)
    .requiredOption(
      '--min-age <years>',
      'least age that you expect the gate to require; nothing is proven for another policy',
      wholeNumber('--min-age', 0, 150),
    )
    .option('--countries <codes...>', 'the countries that you expect the gate to admit, ISO 3166-1 numeric')
    .option('--except <codes...>', 'instead: all but these')
    .option(
      '--pass-days <n>',
      'how long you expect its passes to last; your credential must be valid at least as long',
      wholeNumber('--pass-days', 1, 366),
      30,
    )
    .option('--model <file>', 'the circuit’s network (default: the one of this release)')
    .option('--out <file>', 'write statement and proof instead of sending them')
    .action(async (folder, options) => (await chain()).pass(folder, options))

  forAccount(
    gateCommand(identity, 'bring <proof>', 'bring a proof that `pass --out` wrote to the gate; anybody may'),
  ).action(async (proof, options) => (await chain()).bring(proof, options))

  forAccount(gateCommand(identity, 'show', 'whether an account has a pass; exit code 1 where it has none')).action(
    async (options) => (await chain()).show(options),
  )
}

function listsOption(): Option {
  return new Option('--lists <address>', 'the registry of lists').env('COHORT_LISTS').argParser(parseAddress)
}

function listCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(listsOption().makeOptionMandatory()).addOption(chainOption())
}

/** Adds the options of a command about one value of one list. */
function valued(command: Command): Command {
  return command
    .requiredOption('--list <id>', 'its number', parseCount)
    .option('--value <hex>', 'a credential’s id, or what `document` prints', parseValue)
    .option('--document <number>', 'instead, with --country: a document')
    .option('--country <code>', 'ISO 3166-1 numeric', parseCount)
}

/** @param pinned whether the user must name the chain: otherwise an endpoint could obtain the holder's nullifier for another chain */
function gateCommand(parent: Command, name: string, description: string, pinned = false): Command {
  const gate = new Option('--gate <address>', 'the gate').env('COHORT_GATE').argParser(parseAddress)
  return chainCommand(parent, name, description)
    .addOption(gate.makeOptionMandatory())
    .addOption(chainOption().makeOptionMandatory(pinned))
}

function chainOption(): Option {
  return new Option('--chain <id>', 'the chain that you mean; an endpoint on another one is not asked')
    .env('COHORT_CHAIN')
    .argParser(wholeNumber('--chain', 1, Number.MAX_SAFE_INTEGER))
}

function forAccount(command: Command): Command {
  return command.requiredOption('--for <address>', 'the account that the pass is for', parseAddress)
}

function parseValue(text: string): bigint {
  if (!/^0x[0-9a-fA-F]{1,62}$/.test(text) || BigInt(text) === 0n) {
    throw new InvalidArgumentError('0x and 1 to 62 hexadecimal digits, not 0, are needed.')
  }
  return BigInt(text)
}
