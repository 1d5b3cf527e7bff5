#!lua name=segue
-- Replace a user's session state, if nobody else moved it on and the writer still owns its partition.
--
-- KEYS[1]  session:{user}
-- ARGV[1]  fence offset of the state the caller read (-1 if there was none)
-- ARGV[2]  the new value: a 44-byte header (see service/core/codec.py), then the body
-- ARGV[3]  time to live, milliseconds
--
-- Returns OK          written
--         DUP         the stored state already covers the new offset: written before, nothing to do
--         FENCED      a younger epoch has written
--         CONFLICT    the stored state is not the one that was read, or belongs to another partition
--         REGRESSION  the stored state is older than the one that was read: the store lost writes
--         LINEAGE     the stored state was folded from another incarnation of the topic
local HEADER_BYTES = 44

local function fence(value)
  local _, _, _, lineage, partition, epoch, offset = struct.unpack('>c2BBc8I4I8i8', value)
  return { lineage = lineage, partition = partition, epoch = epoch, offset = offset }
end

local function judge(stored, new, base)
  if stored == '' then
    return base == -1 and 'OK' or 'REGRESSION'
  end
  local old = fence(stored)
  if old.lineage ~= new.lineage then return 'LINEAGE' end
  if old.partition ~= new.partition then return 'CONFLICT' end
  if new.epoch < old.epoch then return 'FENCED' end
  if new.offset <= old.offset then return 'DUP' end
  if old.offset < base then return 'REGRESSION' end
  if old.offset > base then return 'CONFLICT' end
  return 'OK'
end

local function put_session(keys, args)
  local stored = redis.call('GETRANGE', keys[1], 0, HEADER_BYTES - 1)
  local answer = judge(stored, fence(args[2]), tonumber(args[1]))
  if answer == 'OK' then
    redis.call('SET', keys[1], args[2], 'PX', args[3])
  end
  return answer
end

redis.register_function('segue_put_session', put_session)
