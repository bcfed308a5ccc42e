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
