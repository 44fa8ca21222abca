/** Equipment from a CSV file. */
import { call } from '../../api/call.ts';
import { CsvImportDialog } from './csv-import.tsx';
import { t } from './texts.ts';

const EXAMPLE = `code,name,model,location,periodSeconds,allowedAddresses,isHoldListed,remark
EQ00001,焊接机 1,WELD,A1,30,10.20.0.0/16,false,
EQ00002,化成柜 2,FORM,B2,30,,true,
`;

export function EquipmentImportDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const words = t().import;
  return (
    <CsvImportDialog
      title={words.title}
      hint={words.hint}
      example={EXAMPLE}
      onClose={onClose}
      onDone={onDone}
      send={async (file) => {
        const { results, ...counts } = await call('importEquipment', { body: file }, { contentType: 'text/csv' });
        const refusals = results
          .filter(({ status }) => status === 'refused')
          .map(({ row, code, message }) => ({ row, what: code ?? '', why: message ?? '' }));
        return { ...counts, refusals, leftOut: 0 };
      }}
    />
  );
}
