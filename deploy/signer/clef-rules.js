// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for Clef (go-ethereum) as a keeper's remote signer: it signs the operator's calls of the service and the registry, without coins,
// and what relayers carry to these two. Whatever else somebody asks who has got into the keeper, it refuses. ES5: Clef runs it in Otto.
var SERVICE = '0x0000000000000000000000000000000000000001' // the LearningService
var REGISTRY = '0x0000000000000000000000000000000000000002' // its KeeperRegistry
var OURS = [SERVICE.toLowerCase(), REGISTRY.toLowerCase()]

function ApproveListing() {
  return 'Approve'
}

function ApproveTx(request) {
  var transaction = request.transaction
  if (!transaction.to || OURS.indexOf(transaction.to.toLowerCase()) < 0) return 'Reject'
  return transaction.value === '0x0' ? 'Approve' : 'Reject'
}

function ApproveSignData(request) {
  if (request.content_type !== 'data/typed') return 'Reject'
  // Quotes within a value are escaped: no message can look like the field of its domain.
  var shown = JSON.stringify(request.messages).toLowerCase()
  for (var i = 0; i < OURS.length; i++) {
    if (shown.indexOf('"name":"verifyingcontract","value":"' + OURS[i] + '"') >= 0) return 'Approve'
  }
  return 'Reject'
}
