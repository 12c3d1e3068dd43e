# Reports as a page: opened in headless Chromium it renders, sorts and filters; and reports for other programs.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
page="$AIC_LAB/tmp/report.html"
browse() { python3 "$TESTS/lib/browser.py" "$page" "$@" 2>&1; }
rows() { xmllint --html --xpath "count(//table[@id='$1']/tbody/tr)" "$page" 2>/dev/null; }

hostile='<script>document.title="run"</script>&"'\''é'
script "$LAB_ADA" cpu.sh <<<'srun bash -c "for i in {1..400000}; do :; done"'
script "$LAB_BEN" gpu.sh <<<'srun sleep 3'
first=$(submit "$LAB_ADA" -N2 --job-name="$hostile" cpu.sh)
second=$(submit "$LAB_BEN" --gres=gpu:a100:1 gpu.sh)
passes "a job on two nodes ends" job_wait "$first"
passes "a job with a GPU ends" job_wait "$second"
passes "records and receipts arrive" wait_for 60 payout_arrived 2
batch=$(aic batch close -P | awk -F'|' 'NR == 2 { print $1 }')
aic batch approve "$batch" >/dev/null
passes "a batch is posted" aic batch post "$batch"

passes "the page is written" aic report all --output "$page"
unlike "it fetches nothing" "$(cat "$page")" '(src|href|url)[=(]"?(https?:)?//'
payouts=$(aic report payouts --format csv | tail -n +2)
is "without a browser every row is there" "$(rows payouts)" "$(wc -l <<<"$payouts")"

shown=$(browse text h1 count 'svg[role=img]' count '#payouts tbody tr' count 'caption' log)
is "it renders: title, five charts, all rows, a caption for each table, no complaint of the browser" "$shown" \
	"$(printf '%s\n' "AIC report: lab" 5 "$(wc -l <<<"$payouts")" 5 "")"
gross=$(aic report payouts --format csv | python3 -c 'import csv, sys; from decimal import Decimal; print(*(int(Decimal(r["gross"]) * 10**18) for r in csv.DictReader(sys.stdin)))')
ascending=$(tr ' ' '\n' <<<"$gross" | sort -n | xargs)
descending=$(tr ' ' '\n' <<<"$gross" | sort -rn | xargs)
head='#payouts th[data-key=gross] button'
is "a click on a head sorts by exact figures, another turns it round" \
	"$(browse click "$head" column payouts gross click "$head" column payouts gross js 'document.querySelector("#payouts th[data-key=gross]").ariaSort')" \
	"$(printf '%s\n' "$ascending" "$descending" descending)"
of_biology=$(grep -c ',biology,' <<<"$payouts")
is "a filter leaves the rows that have its words, and their exact sum" \
	"$(browse type 'input[aria-controls=payouts]' 'BIOLOGY hard' count '#payouts tbody tr' foot payouts gross text '#payouts tfoot th')" \
	"$(printf '%s\n' "$of_biology" "$(aic report payouts --account biology --format json | sums total gross)" "Sum of the rows shown")"
passes "the page prints" chromium --headless --no-sandbox --disable-gpu --user-data-dir="$AIC_LAB/tmp/chromium" \
	--print-to-pdf="$AIC_LAB/tmp/report.pdf" "file://$page"

passes "a statement is written" aic report statement --account physics --format html --output "$page"
is "it has the account's debits, exactly" "$(browse foot debits gross)" "$(aic report statement --account physics --format json | sums total gross)"
refuses "it is for one" 2 "--account NAME or --provider NAME" aic report statement
refuses "an ordinary user sees no other account's" 1 "none of them" as "$LAB_ADA" aic report statement --account biology
refuses "nor a provider's" 1 "for administrators" as "$LAB_ADA" aic report statement --provider lab-north
as "$LAB_ADA" aic report all >"$page"
like "an ordinary user's page has the own payments" "$(cat "$page")" '<td>physics</td>'
unlike "and nobody else's" "$(cat "$page")" "<td>biology</td>|$LAB_BEN"

is "job records as JSON, the hostile name as it was given" \
	"$(aic report jobs --format json | jq -r "select(.job_id == $first) | .name, (.nodes | length), (.receipts | length > 1)")" \
	"$(printf '%s\n' "$hostile" 2 true)"
aic report jobs --format ur2 --output "$AIC_LAB/tmp/ur2.xml"
passes "usage records are well-formed" xmllint --noout "$AIC_LAB/tmp/ur2.xml"
is "one for each run" "$(xmllint --xpath 'count(//*[local-name()="UsageRecord"])' "$AIC_LAB/tmp/ur2.xml")" 2
is "the hostile name is text there too" \
	"$(xmllint --xpath "string(//*[local-name()='LocalJobId' and text()='$first']/../*[local-name()='JobName'])" "$AIC_LAB/tmp/ur2.xml")" "$hostile"
is "filters: by node" "$(aic report jobs --node n4 -P | wc -l)" 1
is "by user" "$(aic report jobs --user "$LAB_BEN" -P | wc -l)" 2
is "by period" "$(aic report jobs --period 2026-01 -P | wc -l)" 1
is "by time" "$(aic report jobs --until now-1day -P | wc -l)" 1
refuses "a filter that makes no sense is a usage error" 2 "" aic report value --user x
