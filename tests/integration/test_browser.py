"""The report in a real headless Chromium."""

from __future__ import annotations

import shutil

import pytest

from infometric.report.demo import demo_report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="chromium and chromedriver are not installed"
    ),
]
ROWS = "return [...document.querySelectorAll('section')[0].querySelectorAll('tr.row')]"


@pytest.fixture(scope="module")
def report():
    return demo_report()


@pytest.fixture(scope="module")
def driver(report, tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                 "window-size=1280,900"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    path = report.to_html(tmp_path_factory.mktemp("page") / "report.html")
    browser.get(path.as_uri())
    yield browser
    browser.quit()


@pytest.fixture(autouse=True)
def fresh(driver):
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.refresh()


def test_nothing_is_fetched_and_nothing_complains(driver):
    assert [e for e in driver.get_log("browser") if e["level"] == "SEVERE"] == []
    fetched = driver.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    assert [name for name in fetched if not name.startswith(("file:", "data:"))] == []
    assert driver.title == "Drift and predictive power"


def test_a_click_on_a_head_sorts_by_number(driver):
    values = ROWS + ".map(r => Number(r.children[1].dataset.key))"
    head = driver.execute_script("return document.querySelectorAll('.results th button')[1]")
    head.click()
    down = driver.execute_script(values)
    head.click()
    up = driver.execute_script(values)
    assert len(down) == 20
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    sort = driver.execute_script("return document.querySelectorAll('.results th')[1].ariaSort")
    assert sort == "ascending"


def test_the_detail_goes_with_its_row_when_sorted(driver, report):
    driver.execute_script("document.querySelectorAll('.results th button')[0].click()")
    pairs = driver.execute_script(
        ROWS + ".map(r => [r.children[0].dataset.key, r.nextElementSibling.textContent])"
    )
    table = report.sections[0].table
    for name, text in pairs:
        assert table[name].explain() in text


def test_a_click_on_a_row_opens_and_closes_its_bins(driver, report):
    name, button = driver.execute_script(
        ROWS + ".map(r => [r.children[0].dataset.key, r.querySelector('button')])[0]"
    )
    shown = "return arguments[0].closest('tr').nextElementSibling.offsetHeight"
    assert driver.execute_script(shown, button) == 0
    button.click()
    assert driver.execute_script(shown, button) > 50
    assert button.get_attribute("aria-expanded") == "true"
    cells = driver.execute_script(
        "const detail = arguments[0].closest('tr').nextElementSibling;"
        "return detail.querySelectorAll('.cells tbody tr').length",
        button,
    )
    assert cells == len(report.sections[0].table[name].diagnostics["cells"])
    button.click()
    assert driver.execute_script(shown, button) == 0


def test_the_keyboard_does_what_the_mouse_does(driver):
    from selenium.webdriver.common.keys import Keys

    button = driver.execute_script(ROWS + "[0].querySelector('button')")
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-expanded") == "true"


def test_intervals_are_drawn_where_they_are(driver, report):
    drawn = driver.execute_script(
        ROWS
        + """.map(r => {
            const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.right]; };
            const [a, b] = box(r.querySelector('line.bar')), [c, d] = box(r.querySelector('.dot'));
            return [r.children[0].dataset.key, a, b, (c + d) / 2];
        })"""
    )
    table = report.sections[0].table
    first = table[drawn[0][0]]
    scale = (drawn[0][2] - drawn[0][1]) / (first.ci.high - first.ci.low)
    assert scale > 50  # the widest interval is more than a smudge
    zero = drawn[0][3] - scale * first.value
    for name, low, high, dot in drawn:
        r = table[name]
        assert low == pytest.approx(zero + scale * r.ci.low, abs=2)
        assert high == pytest.approx(zero + scale * r.ci.high, abs=2)
        assert dot == pytest.approx(zero + scale * r.value, abs=2)


CONTRAST = """
const luminance = text => {
  const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255).map(
    v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/^rgba\\(.*, 0\\)$/.test(c)) return c;
  }
  return 'rgb(255, 255, 255)';
};
const contrasts = [...document.querySelectorAll('h1, h2, p, .row td, th, .tag, .thumb, li')]
  .filter(e => e.offsetHeight && e.textContent.trim())
  .map(e => {
    const [a, b] = [getComputedStyle(e).color, ground(e)].map(luminance);
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  });
return [luminance(ground(document.body)), Math.min(...contrasts), contrasts.length];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_legible(driver, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    ground, least, number = driver.execute_script(CONTRAST)
    assert (ground > 0.5) == (scheme == "light")
    assert number > 100
    assert least >= 4.5


def test_the_button_switches_the_scheme(driver):
    features = [{"name": "prefers-color-scheme", "value": "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.execute_script("document.getElementById('theme').click()")
    assert driver.execute_script(CONTRAST)[0] < 0.5


def test_a_telephone_scrolls_downward_only(driver):
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True},
    )
    driver.refresh()
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    assert wide <= 390


def test_a_dark_page_is_printed_dark_on_white(driver):
    """The button's choice is for the screen: on paper the ink stays dark."""
    colours = (
        "const s = getComputedStyle(document.body);"
        "return [s.color, s.backgroundColor].map(c => c.match(/\\d+/g).slice(0, 3).map(Number))"
    )
    driver.execute_script("document.getElementById('theme').click()")
    if driver.execute_script("return document.documentElement.dataset.theme") != "dark":
        driver.execute_script("document.getElementById('theme').click()")
    ink, paper = driver.execute_script(colours)
    assert sum(ink) > sum(paper)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        ink, paper = driver.execute_script(colours)
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert paper == [255, 255, 255]
    assert sum(ink) < 150
