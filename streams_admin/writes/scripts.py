"""The Lua that `commands` sends: check and act in one step, because WATCH does not see a group change."""

from __future__ import annotations

_WHILE_HELD = """
local out = {}
for i = FIRST, #ARGV, 3 do
  local id = ARGV[i]
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  if #found == 0 then
    out[#out + 1] = 0
  elseif found[1][2] ~= ARGV[i + 1] or found[1][4] ~= tonumber(ARGV[i + 2]) then
    out[#out + 1] = -1
  else
    out[#out + 1] = ACT
  end
end
return out
"""
"""ARGV: the group, options of the act, then (ID, consumer, deliveries) per entry as it was last seen.

Replies per entry: 0 not pending any more, -1 held by another consumer or delivered again, else what the act gives.
"""


def _while_held(act: str, options: int = 0) -> str:
    return _WHILE_HELD.replace("FIRST", str(2 + options)).replace("ACT", act)


# What an entry has to be like when it is acted upon: `row` now, seen with the consumer `who` and `count` deliveries.
AS_SEEN = "row[2] == who and row[4] == count"
RETRIED = "row[4] >= count"
"""Whoever has it now, and however often it was delivered since."""

# Acknowledges entries that are as they were seen. ARGV: the group, their IDs as one text, the first and the last of
# them, "1" when all have the same holder, then per run of neighbours (how many, consumer, deliveries).
# Replies how many when all of them were; else per entry as above. The usual case is one look at the list and one
# acknowledgement: an entry for itself costs five times as much.
ACK = """
local key, group, text = KEYS[1], ARGV[1], ARGV[2]
local total = 0
for i = 6, #ARGV, 3 do total = total + ARGV[i] end
local argv = {'XPENDING', key, group, ARGV[3], ARGV[4], total + 1}
if ARGV[5] == '1' then argv[7] = ARGV[7] end
local found = redis.call(unpack(argv))

local function seen()
  local ids, at = {key, group}, 0
  if #found ~= total then return end
  for i = 6, #ARGV, 3 do
    local who, count = ARGV[i + 1], tonumber(ARGV[i + 2])
    for n = at + 1, at + ARGV[i] do
      local row = found[n]
      if not (SAME) then return end
      ids[n + 2] = row[1]
    end
    at = at + ARGV[i]
  end
  return table.concat(ids, ' ', 3) == text and ids
end

local ids = seen()
if ids then return redis.call('XACK', unpack(ids)) end
local out, next_id = {}, string.gmatch(text, '%S+')
for i = 6, #ARGV, 3 do
  for _ = 1, tonumber(ARGV[i]) do
    local id = next_id()
    local row, who, count = redis.call('XPENDING', key, group, id, id, 1)[1], ARGV[i + 1], tonumber(ARGV[i + 2])
    if not row then
      out[#out + 1] = 0
    elseif not (SAME) then
      out[#out + 1] = -1
    else
      out[#out + 1] = redis.call('XACK', key, group, id)
    end
  end
end
return out
"""
ACK, ACK_RETRIED = ACK.replace("SAME", AS_SEEN), ACK.replace("SAME", RETRIED)

RELEASE = _while_held(
    "#redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[i + 1], 0, id, 'IDLE', ARGV[2], 'JUSTID') == 1 and 1 or -2", options=1
)
"""Option: the idle time to give. 1 done; -2 the body is gone (7.0 and later drop such an entry from the list)."""

NACK = _while_held("redis.call('XNACK', KEYS[1], ARGV[1], 'FAIL', 'IDS', 1, id)")
"""1 done. FAIL leaves the delivery count as it is."""

# Runs an XGROUP subcommand only while the group stands where it was seen, and neither its pending entries nor its
# consumers became more. Replies 1 done, 0 no such group, -1 changed.
GROUP_AS_SEEN = """
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local row = {}
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  if row['name'] == ARGV[1] then
    if row['last-delivered-id'] ~= ARGV[2] or row['pending'] > tonumber(ARGV[3])
      or row['consumers'] > tonumber(ARGV[4]) then return -1 end
    redis.call('XGROUP', ARGV[5], KEYS[1], ARGV[1], unpack(ARGV, 6))
    return 1
  end
end
return 0
"""

# Deletes a consumer only while it holds nothing: with it, its pending entries would vanish for good.
# Replies -1 when it holds something, else 0.
DELETE_IDLE_CONSUMER = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return -1 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
"""

# How many entries may still go: `until` is the number of removed ones that the stream may have then, "" when it is not
# known. Others that trim, and a command that arrives late or twice, count too.
_LEFT = """
local function left(until_removed)
  if until_removed == '' then return end
  local flat, row = redis.call('XINFO', 'STREAM', KEYS[1]), {}
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  return math.max(0, until_removed - (row['entries-added'] - row['length'])), row['length']
end
"""

# Trims to a length that leaves no more removed entries than planned. ARGV: that number, "~" or "=", the most entries
# that "~" may remove. Replies how many went.
TRIM_UNTIL = (
    _LEFT
    + """
local room, length = left(ARGV[1])
if room == 0 then return 0 end
if ARGV[2] == '=' then return redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', length - room) end
return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', length - room, 'LIMIT', ARGV[3])
"""
)

# Trims below an ID, and below what any group needs: its first pending entry, and what lies behind its position. Numbers
# of an ID have up to 20 digits, more than Lua counts exactly: they are compared, and counted up, as text.
# ARGV: the first ID that may stay, "~" or "=", the most entries that "~" may remove, and how many removed entries the
# stream may have then. Replies how many went.
TRIM_SAFELY = (
    _LEFT
    + """
local function earlier(a, b)
  local ams, aseq = string.match(a, '(%d+)-(%d+)')
  local bms, bseq = string.match(b, '(%d+)-(%d+)')
  if ams == bms then ams, bms = aseq, bseq end
  if #ams ~= #bms then return #ams < #bms end
  return ams < bms
end

local function up(text)
  local head, last, nines = string.match(text, '^(.-)([0-8]?)(9*)$')
  return head .. (last == '' and '1' or string.format('%d', last + 1)) .. string.rep('0', #nines)
end

local function behind(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if seq ~= TOP then return ms .. '-' .. up(seq) end
  return ms == TOP and id or up(ms) .. '-0'
end

local bound = ARGV[1]
local function keep(id)
  if earlier(id, bound) then bound = id end
end

for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local row = {}
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  keep(behind(row['last-delivered-id']))
  local first = row['pending'] > 0 and redis.call('XPENDING', KEYS[1], row['name'], '-', '+', 1)[1]
  if first then keep(first[1]) end
end
local room = left(ARGV[4])
if room == 0 then return 0 end
if ARGV[2] == '=' then return redis.call('XTRIM', KEYS[1], 'MINID', '=', bound) end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', bound, 'LIMIT', math.min(ARGV[3], room or ARGV[3]))
""".replace("TOP", "'18446744073709551615'")
)

# Deletes a stream only while it is as it was seen. Replies 1 done, -1 changed.
DELETE_STREAM_AS_SEEN = """
local flat, row = redis.call('XINFO', 'STREAM', KEYS[1]), {}
for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
if row['last-generated-id'] ~= ARGV[1] or row['length'] ~= tonumber(ARGV[2])
  or row['groups'] ~= tonumber(ARGV[3]) then return -1 end
return redis.call('UNLINK', KEYS[1])
"""
# Moves pending entries to another stream: the copy with where it came from, then XACK and, if wanted, XDEL.
# KEYS: stream, target. ARGV: group, "1" to delete, by, at, reason, operation, then (ID, consumer, deliveries) each.
# Replies per entry as ACK, or -2 it has no body, -3 too many fields for a script, -4 the server refused the copy.
# What would be refused is found out before the first copy: ID 0-0 is in no stream. An ERR is XADD's answer to that;
# once a script has written, the server does not tell it any more that memory is short.
DEAD_LETTER = """
local source, target, group, delete = KEYS[1], KEYS[2], ARGV[1], ARGV[2] == '1'
local probe = redis.pcall('XADD', target, '0-0', 'a', 'b')
if not string.find(probe.err, '^-?ERR') then return probe end
probe = redis.pcall('XACK', source, group, '0-0')
if type(probe) == 'table' and probe.err then return probe end
probe = delete and redis.pcall('XDEL', source, '0-0') or 0
if type(probe) == 'table' and probe.err then return probe end

local function copy(id, row, fields)
  local argv = {'XADD', target, '*'}
  for _, word in ipairs(fields) do argv[#argv + 1] = word end
  for _, word in ipairs({
    'origin_stream', source, 'origin_id', id, 'origin_group', group, 'origin_consumer', row[2],
    'deliveries', string.format('%d', row[4]), 'moved_by', ARGV[3], 'moved_at', ARGV[4], 'reason', ARGV[5],
    'operation', ARGV[6],
  }) do argv[#argv + 1] = word end
  return redis.pcall(unpack(argv))
end

local out = {}
for i = 7, #ARGV, 3 do
  local id, who, count = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local row = redis.call('XPENDING', source, group, id, id, 1)[1]
  local body = redis.call('XRANGE', source, id, id)
  if not row then
    out[#out + 1] = 0
  elseif not (SAME) then
    out[#out + 1] = -1
  elseif #body == 0 then
    out[#out + 1] = -2
  elseif #body[1][2] > 7000 then
    out[#out + 1] = -3
  else
    local copied = copy(id, row, body[1][2])
    if type(copied) == 'table' and copied.err then
      if #out == 0 then return copied end
      out[#out + 1] = -4
    else
      redis.call('XACK', source, group, id)
      if delete then redis.call('XDEL', source, id) end
      out[#out + 1] = 1
    end
  end
end
return out
"""
DEAD_LETTER, DEAD_LETTER_RETRIED = DEAD_LETTER.replace("SAME", AS_SEEN), DEAD_LETTER.replace("SAME", RETRIED)

# Copies entries to another stream, without the provenance that names the target as their origin.
# KEYS: stream, target. ARGV: (ID, ID of the copy) each, ascending. Replies per entry 1 copied, 0 not there, -4 the
# server refused the copy after it had taken others; {-3} and nothing done when one has too many fields for a script,
# {-5} when the target has gone past the IDs of the copies.
REPLAY = """
local source, target = KEYS[1], KEYS[2]
local stamped = {origin_id = 1, origin_group = 1, origin_consumer = 1, deliveries = 1,
  moved_by = 1, moved_at = 1, reason = 1, operation = 1}

local function kept(fields)
  for at = #fields - 1, 3, -2 do
    if fields[at] == 'origin_stream' then return fields[at + 1] == target and at - 1 or #fields end
    if not stamped[fields[at]] then return #fields end
  end
  return #fields
end

local bodies = {}
for i = 1, #ARGV / 2 do
  local id = ARGV[2 * i - 1]
  local body = redis.call('XRANGE', source, id, id)
  bodies[i] = #body > 0 and body[1][2] or false
  if bodies[i] and #bodies[i] > 7000 then return {-3} end
end
local out, refused, wrote = {}, false, false
for i, fields in ipairs(bodies) do
  if not fields then
    out[i] = 0
  elseif refused then
    out[i] = -4
  else
    local argv = {'XADD', target, ARGV[2 * i]}
    for at = 1, kept(fields) do argv[at + 3] = fields[at] end
    local added = redis.pcall(unpack(argv))
    refused = type(added) == 'table' and added.err
    if refused and not wrote then
      return string.find(refused, 'equal or smaller', 1, true) and {-5} or added
    end
    wrote = true
    out[i] = refused and -4 or 1
  end
end
return out
"""
