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

# Deletes a stream only while it is as it was seen. Replies 1 done, -1 changed.
DELETE_STREAM_AS_SEEN = """
local flat, row = redis.call('XINFO', 'STREAM', KEYS[1]), {}
for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
if row['last-generated-id'] ~= ARGV[1] or row['length'] ~= tonumber(ARGV[2])
  or row['groups'] ~= tonumber(ARGV[3]) then return -1 end
return redis.call('UNLINK', KEYS[1])
"""
